import { copyFileSync, chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authtokenSection } from './keystone.mjs';
import { giveToRunner, run, serve } from './processes.mjs';

const PROGRAM = '/usr/bin/nova-api';
const PASTE = '/usr/share/nova-common/api-paste.ini';

export function novaIsInstalled() {
  return existsSync(PROGRAM) && existsSync('/usr/bin/nova-manage') && existsSync(PASTE);
}

/**
 * Runs a Nova API in a folder: SQLite, a configuration of its own, nothing of the machine's. No process receives its messages,
 * so that no server is ever built.
 *
 * @param folder who runs it owns it
 * @param options `port`; `authUrl` and `user` (with its environment): whose tokens it accepts, and as which user it
 *   validates them; `imageUrl`: its Glance
 */
export async function startNova(folder, { port, authUrl, user, imageUrl }) {
  const config = configure(folder, { port, authUrl, user: user.env, imageUrl });
  const log = join(folder, 'nova-manage.log');
  const manage = (...args) => run(folder, log, ['nova-manage', '--config-file', config, ...args]);
  await manage('api_db', 'sync');
  await manage('cell_v2', 'map_cell0', '--database_connection', `sqlite:///${folder}/nova-cell0.db`);
  await manage('db', 'sync');
  await manage('cell_v2', 'create_cell', '--name', 'cell1');
  const command = [PROGRAM, '--config-file', config];
  await serve(folder, join(folder, 'nova.log'), command, {}, `http://127.0.0.1:${port}`);
}

function configure(folder, { port, authUrl, user, imageUrl }) {
  for (const name of ['nova', 'nova/state']) {
    mkdirSync(join(folder, name));
    giveToRunner(join(folder, name));
  }
  copyFileSync(PASTE, join(folder, 'nova', 'api-paste.ini'));
  chmodSync(join(folder, 'nova', 'api-paste.ini'), 0o644);
  const text = `
[DEFAULT]
transport_url = fake://
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = ${port}
osapi_compute_workers = 1
state_path = ${folder}/nova/state
[wsgi]
api_paste_config = ${folder}/nova/api-paste.ini
[database]
connection = sqlite:///${folder}/nova.db
[api_database]
connection = sqlite:///${folder}/nova-api.db
[glance]
endpoint_override = ${imageUrl}
${authtokenSection(authUrl, user)}
[oslo_concurrency]
lock_path = ${folder}/nova/state
[oslo_policy]
# Never the machine's own.
policy_file = ${folder}/nova/policy.yaml
policy_dirs = ${folder}/nova/policy.d
`;
  const file = join(folder, 'nova', 'nova.conf');
  writeFileSync(file, text);
  chmodSync(file, 0o644);
  return file;
}
