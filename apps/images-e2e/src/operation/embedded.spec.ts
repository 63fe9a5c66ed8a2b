import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '@glimpse/domain/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';

const started: Service[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) await service.stop();
});

/** Starts the service on a data folder, as the leader of a process group, and waits until it is ready. */
async function serve(folder: string, settings: Record<string, string> = {}): Promise<Service> {
  const service = await startBareService({ GLIMPSE_DATA_DIR: folder, ...settings }, { detached: true });
  started.push(service);
  await untilWelcome(service);
  return service;
}

let prepared: string | undefined;
/** A data folder that a service has used before, with its sample images. */
async function usedFolder(): Promise<string> {
  if (prepared === undefined) {
    prepared = newFolder();
    expect(await (await serve(prepared)).stop()).toBe(0);
  }
  const folder = newFolder();
  cpSync(prepared, folder, { recursive: true });
  return folder;
}

/** Waits until a service is ready and has printed so, which may come after its log. */
async function untilWelcome(service: Service): Promise<void> {
  await until(() => /^ *curl .*\n/m.test(service.stdout()));
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
}

/** The tokens that a service prints at its start, by user. */
function tokensOf(service: Service): Record<string, string> {
  const lines = [...service.stdout().matchAll(/^ {2}(\w+) +(\S+) {3}project /gm)];
  return Object.fromEntries(lines.map(([, user, token]) => [user, token]));
}

function get(service: Service, path: string): Promise<Response> {
  return fetch(service.url + path, { headers: { 'x-auth-token': tokensOf(service)['demo']! } });
}

const pidFile = (folder: string): string => join(folder, 'postgres/cluster/postmaster.pid');

/** The PostgreSQL that runs on a data folder. */
function serverOf(folder: string): { pid: number; port: number } {
  const lines = readFileSync(pidFile(folder), 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The lines in which the command prints why it failed. Beside them the log may have lines, in JSON. */
function complaints(stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line !== '');
  return lines.filter((line) => !line.startsWith('{"level"'));
}

describe('glimpse serve with nothing but a folder', () => {
  it('prints tokens and a line to paste, and logs no token', async () => {
    const service = await serve(newFolder());
    const tokens = tokensOf(service);
    expect(Object.keys(tokens)).toEqual(['demo', 'reader', 'partner', 'admin']);
    expect(new Set(Object.values(tokens)).size).toBe(4);

    const [line] = /^ *curl .*$/m.exec(service.stdout())!;
    const { stdout } = await promisify(execFile)('sh', ['-c', line]);
    expect(JSON.parse(stdout)).toMatchObject({ image: { id: PAGE_IMAGE, name: 'fakeimage7' } });

    expect((await get(service, '/v2.1/images/none')).status).toBe(404);
    await until(() => service.log().includes('/v2.1/images/none'));
    for (const token of Object.values(tokens)) expect(service.log()).not.toContain(token);
  });

  it('finds its data and its tokens again, and no sample image that was deleted', async () => {
    const folder = newFolder();
    const first = await serve(folder);
    const { images } = (await (await get(first, '/v2.1/images')).json()) as { images: { id: string }[] };
    expect(images.length).toBeGreaterThan(3);
    const put = await fetch(`${first.url}/v2.1/images/${PAGE_IMAGE}/metadata/kept`, {
      method: 'PUT',
      headers: { 'x-auth-token': tokensOf(first)['admin']!, 'content-type': 'application/json' },
      body: JSON.stringify({ meta: { kept: 'yes' } }),
    });
    expect(put.status).toBe(200);
    const { id: gone } = images.find(({ id }) => id !== PAGE_IMAGE)!;
    const deleted = await fetch(`${first.url}/v2.1/images/${gone}`, {
      method: 'DELETE',
      headers: { 'x-auth-token': tokensOf(first)['admin']! },
    });
    expect(deleted.status).toBe(204);
    expect(await first.stop()).toBe(0);

    const second = await serve(folder);
    expect(tokensOf(second)).toEqual(tokensOf(first));
    const kept = await get(second, `/v2.1/images/${PAGE_IMAGE}/metadata/kept`);
    expect(await kept.json()).toEqual({ meta: { kept: 'yes' } });
    const again = (await (await get(second, '/v2.1/images')).json()) as { images: { id: string }[] };
    expect(again.images.map(({ id }) => id)).toEqual(images.map(({ id }) => id).filter((id) => id !== gone));
    expect((await get(second, `/v2.1/images/${gone}`)).status).toBe(404);
  }, 60_000);

  it('has no images when samples are off', async () => {
    const service = await serve(newFolder(), { GLIMPSE_SAMPLES: 'off' });
    expect(await (await get(service, '/v2.1/images')).json()).toEqual({ images: [] });
    expect((await get(service, `/v2.1/images/${PAGE_IMAGE}`)).status).toBe(404);
  });
});

describe('the end of a service with an embedded database', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`is clean when ${signal} goes to its whole process group, as from a terminal`, async () => {
      const folder = await usedFolder();
      const service = await serve(folder);
      const { port } = serverOf(folder);
      process.kill(-service.pid, signal);
      await until(() => service.log().includes('"event":"stopped"'));
      expect(await service.stop('SIGCONT')).toBe(0);
      expect(existsSync(pidFile(folder))).toBe(false);
      expect(await accepts(port)).toBe(false);
      expect(complaints(service.log())).toEqual([]);
    });
  }

  it('does not wait for a client that keeps its connection open', async () => {
    const folder = await usedFolder();
    // Both are longer than this test may take: the time limits of a shutdown and of an idle connection.
    const service = await serve(folder, { GLIMPSE_SHUTDOWN_TIMEOUT: '300' });
    const { port } = new URL(service.url);
    const client = connect(Number(port), '127.0.0.1');
    client.write('GET /livez HTTP/1.1\r\nHost: glimpse\r\n\r\n');
    const [response] = (await once(client, 'data')) as [Buffer];
    expect(response.toString()).toMatch(/^HTTP\/1\.1 200 /);
    const closed = once(client, 'close');
    expect(await service.stop()).toBe(0);
    await closed;
  });

  it('is clean when it cannot listen: one line, and PostgreSQL has ended too', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const folder = newFolder();
      const { port } = other.address() as AddressInfo;
      const { code, stdout, stderr } = await glimpse(['serve'], {
        GLIMPSE_DATA_DIR: folder,
        GLIMPSE_PORT: String(port),
      });
      expect(code).toBe(1);
      expect(complaints(stderr)).toEqual([
        `glimpse: cannot listen on 127.0.0.1 port ${port}: it is in use; choose another with GLIMPSE_PORT`,
      ]);
      expect(stdout).toBe('');
      expect(existsSync(join(folder, 'postgres/cluster/PG_VERSION'))).toBe(true);
      expect(existsSync(pidFile(folder))).toBe(false);
    } finally {
      other.close();
    }
  });
});

describe('a data folder', () => {
  it('has one service: a second one reports that in one line', async () => {
    const folder = await usedFolder();
    const first = await serve(folder);
    const { code, stderr } = await glimpse(['serve'], { GLIMPSE_DATA_DIR: folder, GLIMPSE_PORT: '0' });
    expect(code).toBe(1);
    expect(complaints(stderr)).toEqual([
      `glimpse: a service already runs on ${folder}: stop it, or choose another folder with GLIMPSE_DATA_DIR`,
    ]);
    expect((await get(first, `/v2.1/images/${PAGE_IMAGE}`)).status).toBe(200);
  });

  it('has one service, too, when two start on a new one at the same moment', async () => {
    const folder = newFolder();
    const settings = { GLIMPSE_DATA_DIR: folder };
    const outcomes = await Promise.allSettled([startBareService(settings), startBareService(settings)]);
    const services = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    started.push(...services);
    expect(services).toHaveLength(1);
    expect(String(refusals[0])).toContain(`did not start: glimpse: a service already runs on ${folder}: `);
    const [service] = services;
    await untilWelcome(service!);
    expect((await get(service!, `/v2.1/images/${PAGE_IMAGE}`)).status).toBe(200);
  });

  it('of another PostgreSQL is refused in one line', async () => {
    const folder = newFolder();
    const cluster = join(folder, 'postgres/cluster');
    mkdirSync(cluster, { recursive: true });
    writeFileSync(join(cluster, 'PG_VERSION'), '99\n');
    const { code, stderr } = await glimpse(['serve'], { GLIMPSE_DATA_DIR: folder, GLIMPSE_PORT: '0' });
    expect(code).toBe(1);
    const [line, ...more] = complaints(stderr);
    expect(more).toEqual([]);
    expect(line).toContain(`${cluster} was made by PostgreSQL 99`);
    expect(line).toContain('GLIMPSE_DATA_DIR');
  });

  it('keeps its PostgreSQL when the service is killed, and the next service adopts it', async () => {
    const folder = await usedFolder();
    const first = await serve(folder);
    const server = serverOf(folder);
    await first.stop('SIGKILL');
    expect(await accepts(server.port)).toBe(true);

    const second = await serve(folder);
    expect(serverOf(folder)).toEqual(server);
    expect((await get(second, `/v2.1/images/${PAGE_IMAGE}`)).status).toBe(200);
    expect(await second.stop()).toBe(0);
    expect(await accepts(server.port)).toBe(false);
  });

  it('is shared with the commands that run beside the service', async () => {
    const folder = newFolder();
    const service = await serve(folder, { GLIMPSE_SAMPLES: 'off' });
    const server = serverOf(folder);
    const settings = { GLIMPSE_DATA_DIR: folder };

    const migrated = await glimpse(['migrate'], settings);
    expect(migrated).toEqual({ code: 0, stdout: 'nothing to do\n', stderr: '' });

    const document = { id: PAGE_IMAGE, name: 'imported', status: 'active', visibility: 'public' };
    const input = JSON.stringify([{ ...document, created_at: '2026-01-01T00:00:00Z' }]);
    const imported = await glimpse(['import', '-'], settings, { input });
    expect(imported.code).toBe(0);
    const response = await get(service, `/v2.1/images/${PAGE_IMAGE}`);
    expect(await response.json()).toMatchObject({ image: { name: 'imported' } });

    expect(serverOf(folder)).toEqual(server);
    expect(await service.stop()).toBe(0);
    expect(existsSync(pidFile(folder))).toBe(false);
  });

  it('is made by import and migrate, too, which leave no server behind', async () => {
    const folder = newFolder();
    const input = JSON.stringify([
      {
        id: PAGE_IMAGE,
        name: 'first',
        status: 'active',
        visibility: 'public',
        created_at: '2026-01-01T00:00:00Z',
      },
    ]);
    const { code, stdout } = await glimpse(['import', '-'], { GLIMPSE_DATA_DIR: folder }, { input });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '1 images (1 added, 0 changed, 0 unchanged), 0 members, 0 bad\n',
    });
    expect(existsSync(pidFile(folder))).toBe(false);

    const service = await serve(folder);
    const { images } = (await (await get(service, '/v2.1/images')).json()) as { images: { id: string }[] };
    expect(images.map(({ id }) => id)).toEqual([PAGE_IMAGE]);
  });
});

describe('development identities of one’s own', () => {
  it('are warned about where other machines reach them, and only there', async () => {
    const folder = await usedFolder();
    const identities = join(folder, 'identities.json');
    writeFileSync(identities, '{"token": {"user_id": "u", "user_name": "ann", "roles": []}}');
    for (const [host, warned] of [
      ['127.0.0.1', false],
      ['0.0.0.0', true],
    ] as const) {
      const service = await startBareService({
        GLIMPSE_DATA_DIR: folder,
        GLIMPSE_IDENTITIES: identities,
        GLIMPSE_HOST: host,
      });
      expect(service.log().includes('development-tokens-exposed')).toBe(warned);
      await service.stop();
    }
  }, 60_000);
});
