import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, giveToRunner, run, RUNNER, serve, start } from './processes.mjs';

const PYTHON = '/usr/bin/python3';
const MEMCACHED = '/usr/bin/memcached';

export function swiftIsInstalled() {
  return existsSync('/usr/lib/python3/dist-packages/swift/proxy/server.py') && existsSync(MEMCACHED);
}

/** Milliseconds that a server may need until it accepts requests. */
const LIMIT_MS = 60_000;
/** Milliseconds between two attempts. */
const PAUSE_MS = 200;

/**
 * The loopback address of what only this Swift uses: those that start at the same time cannot get one another's ports.
 */
const ADDRESS = `127.${64 + ((process.pid >>> 16) & 63)}.${(process.pid >>> 8) & 255}.${process.pid & 255}`;

/** The account that its clients use: the access key is its name. */
const ACCOUNT = { name: 'glimpse', user: 'robot', secret: 'robot-secret' };
const REGION = 'us-east-1';

/** Swift cannot keep its objects in the folder. */
export class NoAttributes extends Error {}

/** The servers behind the proxy. */
const KINDS = ['account', 'container', 'object'];

/** Swift needs them in extended attributes, some of them large. */
const TRY_ATTRIBUTES = `
import os, sys
path = os.path.join(sys.argv[1], 'attributes')
open(path, 'w').close()
os.setxattr(path, 'user.swift.metadata', b'x' * 2000)
os.unlink(path)
`;

/** One ring of one device for each kind. */
const BUILD_RINGS = `
import os, sys
from swift.common.ring import RingBuilder
folder = sys.argv[1]
for kind in sys.argv[2:]:
    name, port = kind.split('=')
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'ip': '${ADDRESS}', 'port': int(port), 'device': 'disk',
                     'weight': 1.0, 'replication_ip': '${ADDRESS}', 'replication_port': int(port)})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, name + '.ring.gz'))
`;

/** A server in this process, which is a child of ours: Swift's own commands would leave it alone. */
const SERVE = `
import os, sys
from swift.common import utils
kind, conf = sys.argv[1:]
# Read when the next module is imported.
utils.SWIFT_CONF_FILE = os.path.join(os.path.dirname(conf), 'swift.conf')
from swift.common.wsgi import run_wsgi
more = {}
if kind == 'object':
    from swift.obj import server
    more['global_conf_callback'] = server.global_conf_callback
sys.exit(run_wsgi(conf, kind + '-server', verbose=True, **more))
`;

/**
 * Runs a Swift with its S3 interface in a folder. Its proxy comes back by itself when it is killed.
 *
 * @param folder its owner runs everything; on a file system with extended attributes
 * @returns its URL, what its clients need, and the file with the process id of the group leader of the proxy
 */
export async function startSwift(folder, { port, bucket }) {
  const log = join(folder, 'setup.log');
  const servers = join(folder, 'servers');
  const disks = join(folder, 'disks');
  for (const path of [servers, disks, join(disks, 'disk')]) {
    mkdirSync(path);
    giveToRunner(path);
  }
  await run(folder, log, [PYTHON, '-c', TRY_ATTRIBUTES, disks]).catch((error) => {
    throw new NoAttributes(`${folder} is on a file system without extended attributes`, { cause: error });
  });
  const ports = Object.fromEntries(await Promise.all(KINDS.map(async (kind) => [kind, await freePort()])));
  const memcachedPort = await freePort();
  configure(servers, disks, { port, ports, memcachedPort });
  const rings = KINDS.map((kind) => `${kind}=${ports[kind]}`);
  await run(folder, log, [PYTHON, '-c', BUILD_RINGS, servers, ...rings]);

  const user = RUNNER.uid === undefined ? [] : ['-u', runnerName()];
  const memcached = [MEMCACHED, '-l', ADDRESS, '-p', String(memcachedPort), '-U', '0', ...user];
  start(folder, join(folder, 'memcached.log'), memcached);
  // A proxy that cannot reach it gives no tokens.
  await repeated(() => connectOnce(memcachedPort));
  const url = `http://127.0.0.1:${port}`;
  const proxyPidFile = join(folder, 'proxy.pid');
  const begin = (kind, at, options) => {
    const command = [PYTHON, '-c', SERVE, kind, join(servers, `${kind}-server.conf`)];
    return serve(folder, join(folder, `${kind}.log`), command, {}, `${at}/healthcheck`, options);
  };
  await Promise.all([
    ...KINDS.map((kind) => begin(kind, `http://${ADDRESS}:${ports[kind]}`)),
    begin('proxy', url, { pidFile: proxyPidFile }),
  ]);
  await repeated(() => createBucket(url, bucket));
  const accessKey = `${ACCOUNT.name}:${ACCOUNT.user}`;
  return { url, region: REGION, bucket, accessKey, secretKey: ACCOUNT.secret, proxyPidFile };
}

function runnerName() {
  return process.getuid() === 0 ? 'nobody' : userInfo().username;
}

function configure(folder, disks, { port, ports, memcachedPort }) {
  const write = (name, text) => writeFileSync(join(folder, `${name}.conf`), text);
  write(
    'swift',
    `[swift-hash]
swift_hash_path_prefix = glimpse
swift_hash_path_suffix = glimpse
[storage-policy:0]
name = one
default = yes
`,
  );
  const common = (at, address) => `[DEFAULT]
bind_ip = ${address}
bind_port = ${at}
user = ${runnerName()}
workers = 0
swift_dir = ${folder}
log_level = INFO
`;
  for (const kind of KINDS) {
    write(
      `${kind}-server`,
      `${common(ports[kind], ADDRESS)}devices = ${disks}
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = healthcheck ${kind}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:${kind}-server]
use = egg:swift#${kind}
replication_server = false
node_timeout = 60
conn_timeout = 10
container_update_timeout = 30
`,
    );
  }
  write(
    'proxy-server',
    `${common(port, '127.0.0.1')}[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth copy container_quotas slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = ${ADDRESS}:${memcachedPort}
# Without it there are no tokens; a busy machine needs more than 0.3 s to connect.
connect_timeout = 10
pool_timeout = 10
io_timeout = 60
error_suppression_limit = 1000000
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = ${REGION}
allow_multipart_uploads = true
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_${ACCOUNT.name}_${ACCOUNT.user} = ${ACCOUNT.secret} .admin
storage_url_scheme = http
[filter:copy]
use = egg:swift#copy
[filter:container_quotas]
use = egg:swift#container_quotas
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 83886080
# The parts of a deleted object go at once: nothing here deletes them later.
allow_async_delete = false
rate_limit_after_segment = 100000
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 60
recoverable_node_timeout = 60
conn_timeout = 10
error_suppression_limit = 1000000
`,
  );
}

/** Creates a bucket with Swift's own interface, which needs no signature. */
async function createBucket(url, bucket) {
  const headers = { 'x-auth-user': `${ACCOUNT.name}:${ACCOUNT.user}`, 'x-auth-key': ACCOUNT.secret };
  const { headers: given, status } = await fetch(`${url}/auth/v1.0`, { headers });
  const token = given.get('x-auth-token');
  if (token === null) throw new Error(`Swift gives no token: ${status}`);
  const created = await fetch(`${given.get('x-storage-url')}/${bucket}`, {
    method: 'PUT',
    headers: { 'x-auth-token': token },
  });
  if (created.ok) return;
  throw new Error(`the bucket ${bucket} cannot be created: ${created.status} ${await created.text()}`);
}

/** Connects to a server once. */
async function connectOnce(port) {
  const socket = connect(port, ADDRESS);
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

/** Repeats what fails while a server is starting or busy. */
async function repeated(attempt) {
  for (const deadline = Date.now() + LIMIT_MS; ; await sleep(PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
