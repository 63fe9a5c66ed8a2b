import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkLibraries } from '@glimpse/store/embedded';
import pg from 'pg';
import { freePort } from '../../../../tools/openstack/processes.mjs';

/** The most attempts to connect to a server that starts, one in 50 ms. */
const MAX_ATTEMPTS = 600;

async function createDatabase(url) {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query('CREATE DATABASE glimpse');
      return await client.end();
    } catch (error) {
      if (attempt === MAX_ATTEMPTS) throw error;
      await sleep(50);
    }
  }
}

/**
 * Starts the PostgreSQL of an npm package, of whatever version, in a folder, with a database `glimpse`.
 *
 * @returns its URL, and what ends it
 */
export async function startPackaged(root, folder, settings) {
  linkLibraries(root);
  // PostgreSQL does not run as root; this user has no files.
  const user = process.getuid() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const [cluster, passwordFile, password] = [join(folder, 'cluster'), join(folder, 'password'), randomUUID()];
  chmodSync(folder, 0o755);
  mkdirSync(cluster);
  writeFileSync(passwordFile, password);
  if (user.uid !== undefined) chownSync(cluster, user.uid, user.gid);
  const program = (name) => join(root, 'native/bin', name);
  const locale = ['--encoding=UTF8', '--locale=C', '--lc-ctype=C.UTF-8'];
  const login = ['-U', 'glimpse', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  execFileSync(program('initdb'), ['-D', cluster, ...locale, ...login], { ...user, cwd: '/' });
  const port = await freePort();
  const listen = ['-p', String(port), '-h', '127.0.0.1', '-k', cluster];
  const options = settings.flatMap((setting) => ['-c', setting]);
  const server = spawn(program('postgres'), ['-D', cluster, ...listen, ...options], {
    ...{ ...user, cwd: '/', stdio: 'ignore' },
  });
  const urlOf = (database) =>
    `postgresql://glimpse:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  await createDatabase(urlOf('postgres'));
  return {
    url: urlOf('glimpse'),
    async leave() {
      server.kill('SIGINT');
      await once(server, 'exit');
    },
  };
}
