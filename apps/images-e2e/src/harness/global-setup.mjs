import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts the run's PostgreSQL, with the catalogue that each suite gets a copy of. */
export default async function setUp() {
  // The server removes it when the run ends.
  process.env['GLIMPSE_E2E_FOLDER'] = mkdtempSync(join(tmpdir(), 'glimpse-e2e-'));
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
