import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidOptions } from '@glimpse/options';
import { makeDataFolder } from '@glimpse/store/embedded';

/** The projects of the built-in identities; the sample images belong to them. */
export const DEMO_PROJECT = '3f1c9a52d7e84b0f9c6e2a1b5d4f7083';
export const PARTNER_PROJECT = '8b7d2e604c1f4a5db3960f8e7a2c5d19';
export const ADMIN_PROJECT = 'c4e09b7f65a8412d8e3b7c1f0d9a6254';

const BUILT_IN = [
  { user_name: 'demo', project_id: DEMO_PROJECT, project_name: 'demo', roles: ['member', 'reader'] },
  { user_name: 'reader', project_id: DEMO_PROJECT, project_name: 'demo', roles: ['reader'] },
  { user_name: 'partner', project_id: PARTNER_PROJECT, project_name: 'partner', roles: ['member', 'reader'] },
  {
    user_name: 'admin',
    project_id: ADMIN_PROJECT,
    project_name: 'admin',
    roles: ['admin', 'member', 'reader'],
  },
] as const;

/**
 * The built-in development identities of a data folder, in the form of `GLIMPSE_IDENTITIES`. Their tokens are random,
 * generated once and stored in a file that is readable for its owner only.
 */
export function builtInIdentities(dataFolder: string): Record<string, (typeof BUILT_IN)[number]> {
  const file = join(makeDataFolder(dataFolder), 'identities.json');
  const fresh = BUILT_IN.map((identity) => [
    randomBytes(18).toString('base64url'),
    { user_id: randomBytes(16).toString('hex'), ...identity },
  ]);
  // Written under a temporary name and then linked: another process may do the same at once, or read the file.
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${JSON.stringify(Object.fromEntries(fresh), null, 2)}\n`, { mode: 0o600 });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, (typeof BUILT_IN)[number]>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The error's own message would quote the text, and so perhaps a token.
    throw new InvalidOptions([`${file} is not JSON: repair it, or remove it to get new tokens`]);
  }
}
