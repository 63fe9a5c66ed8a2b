/**
 * A PostgreSQL for one test run, whose database `glimpse` has the recordings' catalogue, imported by the commands
 * that operators use. It prints its URL, and removes itself and its folder once standard input ends: unlike a
 * teardown of Jest, that happens even if the run is killed.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { openEmbedded } from '@glimpse/store/embedded';
import { HOSTILE_SERVER, makeHostile } from './hostile.mjs';
import { startPackaged } from './packaged-postgresql.mjs';

/** A folder in memory, where there is enough of it. */
function fastestFolder() {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > 1024 ** 3) return '/dev/shm';
  } catch {
    // Not every platform has one.
  }
  return tmpdir();
}

function withName(database, name) {
  const url = new URL(database);
  url.pathname = name;
  return url.toString();
}

const hostile = process.env['GLIMPSE_E2E_HOSTILE'] === 'yes';

/**
 * Migrates `glimpse` and imports the recordings' images. In between it is copied to `glimpse_migrated`, so that suites get
 * an empty catalogue without a run of the command.
 */
async function fillCatalogue(adminUrl, url) {
  const file = (path) => fileURLToPath(new URL(path, import.meta.url));
  // Without the settings of the tester.
  const env = { PATH: process.env['PATH'], DATABASE_URL: url };
  const glimpse = (...args) =>
    execFileSync(process.execPath, [process.env['GLIMPSE_E2E_COMMAND'], ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  glimpse('migrate');
  const admin = new pg.Client({ connectionString: withName(adminUrl, 'postgres') });
  await admin.connect();
  await admin.query('CREATE DATABASE glimpse_migrated TEMPLATE glimpse');
  await admin.end();
  glimpse('import', file('../../contract/compute/images.json'));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
const folder = mkdtempSync(join(fastestFolder(), 'glimpse-e2e-'));
const settings = ['fsync=off', 'max_connections=200', ...(hostile ? HOSTILE_SERVER : [])];
// Another version than the embedded one: tools/test-postgresql.mjs.
const packaged = process.env['GLIMPSE_E2E_POSTGRESQL'];
const database = packaged
  ? await startPackaged(packaged, folder, settings)
  : await openEmbedded({ folder, service: false, settings });
const url = hostile ? await makeHostile(database.url) : database.url;
await fillCatalogue(database.url, url);
process.stdout.write(`${database.url} ${url}\n`);
process.stdin.resume();
await once(process.stdin, 'close');
await database.leave();
for (const made of [folder, process.env['GLIMPSE_E2E_FOLDER']])
  rmSync(made, { recursive: true, force: true });
