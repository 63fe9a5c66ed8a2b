/** What is measured on: the package, a PostgreSQL of its own with catalogues of several sizes, and a Keystone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeKeystone } from '@glimpse/auth/testing';
import { openEmbedded } from '@glimpse/store/embedded';
import pg from 'pg';
import { PROJECTS, fillCatalogue } from './catalogue.mjs';
import { startServer } from './processes.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RIVALS = fileURLToPath(new URL('rivals/', import.meta.url));

/** Durable, as in production: what a change costs is to be seen. */
const POSTGRES = [
  'max_connections=200',
  'shared_buffers=1GB',
  'max_wal_size=8GB',
  'checkpoint_timeout=30min',
];

/** As in the container, where Node derives the heap from a memory limit of 512 MiB. */
const NODE_FLAGS = ['--max-old-space-size=256', '--heap-growing-percent=100'];

/** Opens the stage. @param {string} node the Node that runs the servers, of the version given */
export async function openStage(node, version) {
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-bench-'));
  const application = join(folder, 'glimpse');
  execFileSync(process.execPath, [join(root, 'tools/package.mjs'), application], { stdio: 'inherit' });
  const server = await openEmbedded({ folder: join(folder, 'data'), service: false, settings: POSTGRES });
  const keystone = await FakeKeystone.start();
  keystone.addUser({ name: 'glimpse', password: 'glimpse', roles: ['service'] });
  return new Stage({ node, version, folder, application, server, keystone });
}

class Stage {
  #server;
  #keystone;
  #catalogues = new Map();

  constructor({ node, version, folder, application, server, keystone }) {
    this.node = node;
    this.version = version;
    this.folder = folder;
    this.application = application;
    this.#server = server;
    this.#keystone = keystone;
  }

  /** The `glimpse` command of the package, or of the build it was made from. */
  command(of = 'package') {
    const base = of === 'package' ? this.application : join(root, 'apps/images');
    return [this.node, ...NODE_FLAGS, join(base, 'bin/glimpse.js')];
  }

  /** The settings that production needs, and to stop at once; everything else is at its default. */
  settings(database) {
    return {
      NODE_ENV: 'production',
      GLIMPSE_MODE: 'production',
      GLIMPSE_HOST: '127.0.0.1',
      GLIMPSE_PORT: '0',
      GLIMPSE_PUBLIC_URL: 'https://compute.example.com',
      GLIMPSE_IMAGE_URL: 'https://image.example.com',
      DATABASE_URL: database,
      OS_AUTH_URL: this.#keystone.url,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: 'glimpse',
      OS_PROJECT_NAME: 'service',
      GLIMPSE_SHUTDOWN_DELAY: '0',
    };
  }

  /** A token of a member of one of PROJECTS, or of a role of one's own. */
  token(project, roles = ['member']) {
    const scope = { kind: 'project', id: PROJECTS[project], name: project };
    return this.#keystone.issue({ userName: project, scope, roles, expiresIn: 86_400 });
  }

  /** The URL of an empty database of one's own. */
  async database(name) {
    const url = new URL(this.#server.url);
    await this.query(this.#server.url, `CREATE DATABASE ${name}`);
    url.pathname = name;
    const [program, ...args] = this.command();
    execFileSync(program, [...args, 'migrate'], { env: { PATH: process.env.PATH, DATABASE_URL: url.href } });
    return url.href;
  }

  /** A catalogue of so many images, made when it is first needed. @returns {Promise<{url: string, seconds: number}>} */
  async catalogue(count) {
    if (!this.#catalogues.has(count)) {
      const url = await this.database(`images_${count}`);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const began = performance.now();
      // Nothing is lost when it is not there after a crash.
      await client.query('SET synchronous_commit = off');
      await fillCatalogue(client, count);
      this.#catalogues.set(count, { url, seconds: (performance.now() - began) / 1000 });
      await client.query('CHECKPOINT');
      await client.end();
    }
    return this.#catalogues.get(count);
  }

  /** A copy of a catalogue that no service is connected to, for changes that others are not to see. */
  async copyOf(url, name) {
    const [template, copy] = [new URL(url), new URL(url)];
    await this.query(this.#server.url, `CREATE DATABASE ${name} TEMPLATE ${template.pathname.slice(1)}`);
    copy.pathname = name;
    return copy.href;
  }

  /** Ids of public images of a project, from all over a catalogue. */
  async publicIds(url, count, project = 'large') {
    const rows = await this.query(
      url,
      `SELECT id FROM images WHERE visibility = 'public' AND owner = $2 AND NOT hidden AND deleted_at IS NULL
       ORDER BY md5(id::text) LIMIT $1`,
      [count, PROJECTS[project]],
    );
    return rows.map(({ id }) => id);
  }

  async query(url, text, values) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts the service on a database, ready for requests. */
  async startGlimpse(database, settings = {}, of = 'package') {
    const env = { ...this.settings(database), ...settings };
    const server = await startServer(
      [...this.command(of), 'serve'],
      env,
      /"event":"listening","url":"([^"]+)"/,
    );
    while (!(await fetch(`${server.url}/readyz`)).ok);
    return server;
  }

  /** Starts one of the rivals. @param {'fastify' | 'nest'} name */
  startRival(name, how) {
    const command = [this.node, join(RIVALS, `${name}.mjs`), JSON.stringify(how)];
    return startServer(command, { NODE_ENV: 'production' }, /^(http:\S+)/m);
  }

  async close() {
    await this.#keystone.close();
    await this.#server.leave();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
