import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authtokenSection } from './keystone.mjs';
import { giveToRunner, run, serve } from './processes.mjs';

const PROGRAM = '/usr/bin/glance-api';
/** As Debian ships them; what the machine has of them in /etc is readable for its own user only. */
const SHIPPED = '/usr/share/glance-common';
/** Its stores of image data, the default one first; each is a folder of its name. Tempest expects them to be sorted. */
const STORES = ['fast', 'slow'];

export function glanceIsInstalled() {
  return existsSync(PROGRAM) && existsSync('/usr/bin/glance-manage') && existsSync(SHIPPED);
}

/**
 * Runs a Glance in a folder: SQLite, two stores of files, a configuration of its own, nothing of the machine's.
 * One that is killed comes back by itself.
 *
 * @param folder who runs it owns it
 * @param options `port`; `authUrl` and `user` (with its environment): whose tokens it accepts, and as which
 *   user it validates them
 * @returns its URL, the file with the process id of its group leader, and its settings
 */
export async function startGlance(folder, { port, authUrl, user }) {
  const glanceUrl = `http://127.0.0.1:${port}`;
  const glancePidFile = join(folder, 'glance.pid');
  const config = configure(folder, port, authUrl, user.env);
  const log = join(folder, 'glance-manage.log');
  await run(folder, log, ['glance-manage', '--config-file', config, 'db_sync']);
  await run(folder, log, ['sqlite3', join(folder, 'glance.db'), 'PRAGMA journal_mode = WAL']);
  const command = [PROGRAM, '--config-file', config];
  await serve(folder, join(folder, 'glance.log'), command, {}, glanceUrl, { pidFile: glancePidFile });
  return { glanceUrl, glancePidFile, glanceConfigFile: config };
}

function configure(folder, port, authUrl, user) {
  const config = join(folder, 'glance');
  for (const name of ['glance', ...STORES, 'staging', 'tasks']) {
    mkdirSync(join(folder, name));
    giveToRunner(join(folder, name));
  }
  for (const name of ['glance-api-paste.ini', 'schema-image.json']) {
    copyFileSync(join(SHIPPED, name), join(config, name));
    chmodSync(join(config, name), 0o644);
  }
  const text = `
[DEFAULT]
bind_host = 127.0.0.1
bind_port = ${port}
# One process, one call of SQLite at a time: concurrent writers would fail because the database is locked.
workers = 0
use_stderr = true
enabled_backends = ${STORES.map((name) => `${name}:file`)}
[paste_deploy]
flavor = keystone
config_file = ${config}/glance-api-paste.ini
[database]
connection = sqlite:///${folder}/glance.db
sqlite_synchronous = false
[glance_store]
default_backend = ${STORES[0]}
${STORES.map((name) => `[${name}]\nfilesystem_store_datadir = ${folder}/${name}`).join('\n')}
[os_glance_staging_store]
filesystem_store_datadir = ${folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = ${folder}/tasks
${authtokenSection(authUrl, user)}
# So that the access rules of credentials count.
service_type = image
# So that a change goes through whose user's token has just expired.
service_token_roles = service
# Seconds: roles that are taken away are soon gone.
token_cache_time = 2
[oslo_policy]
# Never the machine's own.
policy_file = ${folder}/glance/policy.yaml
policy_dirs = ${folder}/glance/policy.d
`;
  const file = join(config, 'glance-api.conf');
  writeFileSync(file, text);
  chmodSync(file, 0o644);
  return file;
}
