import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { giveToRunner, run, serve } from './processes.mjs';

/** For one request. */
const TIME_LIMIT_MS = 20_000;

export function keystoneIsInstalled() {
  return existsSync('/usr/bin/keystone-manage') && existsSync('/usr/bin/uwsgi');
}

/**
 * The WSGI application, made safe for threads in two places. A dependency imports eventlet, and oslo.log then replaces
 * the locks of Python's logging by eventlet's, which deadlock between the threads of a process: every tenth Keystone
 * never responded to its first POST. And Keystone's middleware keeps the token of a request in itself, where those of
 * concurrent requests replace it: one of thirty restricted application credentials could create others.
 */
const APPLICATION = `import threading
from oslo_log import log
log._fix_eventlet_logging = lambda: None
from keystone.server.flask.request_processing.middleware.auth_context import AuthContextMiddleware
from keystone.server.wsgi import initialize_public_application

current = threading.local()
AuthContextMiddleware.token = property(
    lambda _: getattr(current, 'token', None), lambda _, token: setattr(current, 'token', token))
application = initialize_public_application()
`;

/** The users: each has a project with its roles; `system` are roles for the whole system. */
const PEOPLE = {
  demo: { project: 'demo', roles: ['member'] },
  reader: { project: 'demo', roles: ['reader'] },
  alt: { project: 'alt', roles: ['member'] },
  admin: { project: 'admin', roles: ['admin'], everywhere: true },
  // What the service is; a mirror of Glance needs the role admin.
  glimpse: { project: 'service', roles: ['service', 'admin'] },
  // What a mirror of Glance sends beside callers' tokens.
  'glimpse-service': { project: 'service', roles: ['service'] },
  // A role that OpenStack knows nothing of.
  guest: { project: 'demo', roles: ['guest'] },
  // What Glance is.
  glance: { project: 'service', roles: ['service', 'admin'] },
  // What Nova is.
  nova: { project: 'service', roles: ['service', 'admin'] },
};

/** What can be called, besides Keystone. */
function services({ imageUrl, computeUrl }) {
  return [
    { type: 'image', name: 'glance', url: imageUrl },
    { type: 'compute', name: 'nova', url: computeUrl },
  ];
}

/**
 * Runs a Keystone in a folder: SQLite, Fernet keys, a configuration of its own, nothing of the machine's.
 *
 * @param folder who runs it owns it
 * @param options `port`; `computeUrl` and `imageUrl` for the catalog; `shortLived: {port, seconds}` for a
 *   second door to the same Keystone, whose tokens last so long
 * @returns its URL, and its users, each with the environment for OpenStack's clients
 */
export async function startKeystone(folder, options) {
  const { port, shortLived } = options;
  const url = `http://127.0.0.1:${port}/v3`;
  const password = randomPassword();
  makeKeys(join(folder, 'fernet'));
  makeKeys(join(folder, 'credential'));
  writeFileSync(join(folder, 'keystone.wsgi'), APPLICATION);
  const config = configure(folder, 'keystone.conf', 3600);
  const manage = ['keystone-manage', '--config-file', config];
  const log = join(folder, 'keystone-manage.log');
  await run(folder, log, [...manage, 'db_sync']);
  // Readers would keep writers waiting otherwise, and Keystone gives up soon.
  await run(folder, log, ['sqlite3', join(folder, 'keystone.db'), 'PRAGMA journal_mode = WAL']);
  await run(folder, log, [...manage, 'bootstrap'], {
    OS_BOOTSTRAP_PASSWORD: password,
    OS_BOOTSTRAP_REGION_ID: 'RegionOne',
    OS_BOOTSTRAP_PUBLIC_URL: `${url}/`,
    OS_BOOTSTRAP_INTERNAL_URL: `${url}/`,
    OS_BOOTSTRAP_ADMIN_URL: `${url}/`,
  });
  const doors = [serveKeystone(folder, config, port)];
  if (shortLived) {
    const shortConfig = configure(folder, 'keystone-short-lived.conf', shortLived.seconds);
    doors.push(serveKeystone(folder, shortConfig, shortLived.port));
  }
  await Promise.all(doors);
  const people = await populate(url, password, options);
  if (!shortLived) return { authUrl: url, people };
  const shortLivedAuthUrl = `http://127.0.0.1:${shortLived.port}/v3`;
  await loadPolicy(shortLivedAuthUrl, await signIn(url, password));
  return { authUrl: url, shortLivedAuthUrl, people };
}

/**
 * Makes the first request of a Keystone that its policy decides, which loads the policy: while it does, Keystone
 * refuses the requests of others with 403.
 *
 * @param token an administrator's
 */
async function loadPolicy(url, token) {
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  const answer = await fetch(`${url}/auth/tokens`, { headers, signal: AbortSignal.timeout(TIME_LIMIT_MS) });
  if (!answer.ok) throw new Error(`no validation of a token: ${answer.status} ${await answer.text()}`);
}

/** Two keys, as `keystone-manage fernet_setup` makes them: the next one and the one in use. */
function makeKeys(folder) {
  mkdirSync(folder, { mode: 0o700 });
  for (const name of ['0', '1']) {
    const file = join(folder, name);
    writeFileSync(file, randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_'), {
      mode: 0o600,
    });
    giveToRunner(file);
  }
  giveToRunner(folder);
}

function configure(folder, name, tokenLifetime) {
  const file = join(folder, name);
  const text = `
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///${folder}/keystone.db
sqlite_synchronous = false
[cache]
# Keystone is one process; without a cache each response takes forty queries.
backend = dogpile.cache.memory
[token]
expiration = ${tokenLifetime}
[fernet_tokens]
key_repository = ${folder}/fernet
[fernet_receipts]
key_repository = ${folder}/fernet
[credential]
key_repository = ${folder}/credential
[identity]
# The least that bcrypt takes: passwords here protect nothing.
password_hash_rounds = 4
[oslo_policy]
# Never the machine's own.
policy_file = ${folder}/policy.yaml
policy_dirs = ${folder}/policy.d
`;
  writeFileSync(file, text);
  chmodSync(file, 0o644);
  return file;
}

/** One process of eight threads. */
function serveKeystone(folder, config, port) {
  const uwsgi = [
    'uwsgi',
    ...['--plugin', 'python3', '--wsgi-file', join(folder, 'keystone.wsgi')],
    ...['--http-socket', `127.0.0.1:${port}`],
    ...['--master', '--no-orphans', '--enable-threads', '--threads', '8'],
    // A client on a busy machine may pause for longer than the four seconds that are the default.
    ...['--socket-timeout', '60'],
    // Long tokens; and it closes each connection, which clients with a connection pool must know.
    ...['--buffer-size', '65535', '--add-header', 'Connection: close'],
  ];
  const env = { OS_KEYSTONE_CONFIG_FILES: config };
  return serve(folder, join(folder, 'keystone.log'), uwsgi, env, `http://127.0.0.1:${port}/v3`);
}

function randomPassword() {
  return randomBytes(18).toString('hex');
}

/** Makes projects, users, roles and catalog, over the API as an administrator does. */
async function populate(url, adminPassword, options) {
  const token = await signIn(url, adminPassword);
  const call = async (method, path, body) => {
    const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
    const sent = {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    };
    const answer = await fetch(url + path, sent);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json();
  };
  const idByName = async (kind) => {
    const { [kind]: all } = await call('GET', `/${kind}`);
    return Object.fromEntries(all.map(({ name, id }) => [name, id]));
  };

  for (const name of ['service', 'guest']) await call('POST', '/roles', { role: { name } });
  for (const name of ['demo', 'alt', 'service']) await call('POST', '/projects', { project: { name } });
  const roles = await idByName('roles');
  const projects = await idByName('projects');

  const people = {};
  for (const [name, person] of Object.entries(PEOPLE)) {
    const password = name === 'admin' ? adminPassword : randomPassword();
    if (name !== 'admin') await call('POST', '/users', { user: { name, password } });
    const { [name]: userId } = await idByName('users');
    const projectId = projects[person.project];
    for (const role of person.roles) {
      const grant = `users/${userId}/roles/${roles[role]}`;
      await call('PUT', `/projects/${projectId}/${grant}`);
      if (person.everywhere) {
        await call('PUT', `/domains/default/${grant}`);
        await call('PUT', `/system/${grant}`);
      }
    }
    people[name] = { userId, projectId, env: environment(url, name, password, person.project) };
  }

  for (const { type, name, url: address } of services(options)) {
    const { service } = await call('POST', '/services', { service: { type, name } });
    await call('POST', '/endpoints', {
      endpoint: { service_id: service.id, interface: 'public', region_id: 'RegionOne', url: address },
    });
  }
  return people;
}

/** An administrator's token, good for the whole system. */
async function signIn(url, password) {
  const user = { name: 'admin', domain: { id: 'default' }, password };
  const identity = { methods: ['password'], password: { user } };
  const answer = await fetch(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { system: { all: true } } } }),
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  });
  if (!answer.ok) throw new Error(`no token for admin: ${answer.status} ${await answer.text()}`);
  return answer.headers.get('x-subject-token');
}

function environment(url, name, password, project) {
  return {
    OS_AUTH_URL: url,
    OS_IDENTITY_API_VERSION: '3',
    OS_REGION_NAME: 'RegionOne',
    OS_USERNAME: name,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project,
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
  };
}

/** The section of a service's configuration that names the Keystone whose tokens it accepts. @param user its environment */
export function authtokenSection(authUrl, user) {
  return `[keystone_authtoken]
auth_type = password
auth_url = ${authUrl}
www_authenticate_uri = ${authUrl}
username = ${user.OS_USERNAME}
password = ${user.OS_PASSWORD}
project_name = ${user.OS_PROJECT_NAME}
user_domain_id = ${user.OS_USER_DOMAIN_ID}
project_domain_id = ${user.OS_PROJECT_DOMAIN_ID}
service_token_roles_required = true`;
}
