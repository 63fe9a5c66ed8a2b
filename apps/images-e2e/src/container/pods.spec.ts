import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { FakeGlance } from '@glimpse/glance/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { DEPLOY, buildManifests, type Manifest } from '../harness/manifests.js';
import { RequestLoad } from '../harness/request-load.js';
import { forward, forwardGlance, gateway } from './harness/gateway.js';
import { Pod, runInstead, runJob } from './harness/pod.js';
import type { Cluster } from './harness/pod-arguments.js';
import { IMAGE, ofPods, podman, podmanLater } from './harness/podman.js';
import { certificatesFor, makePostgresql } from './harness/postgresql.js';

const { suite, why } = ofPods;

const PASSWORD = 'a password';
const DATABASE_HOST = 'glimpse-database-rw';
const READY_MS = 60_000;
/** The requests of a load, and the time that they may need. */
const REQUESTS = amount(10_000, 200_000);
const LOAD_MS = 10 * 60_000;
/** More together than a pod has memory. */
const TRANSFERS = 12;
const DATA_BYTES = 64 * 2 ** 20;

const containerOf = ({ spec }: Manifest): Manifest => spec.template.spec.containers[0] as Manifest;
const isGlimpse = (manifest: Manifest): boolean => containerOf(manifest).name === ('glimpse' as unknown);

function workloads(manifests: readonly Manifest[], kind: 'Deployment' | 'Job'): Manifest[] {
  return manifests.filter((one) => one.kind === kind && isGlimpse(one));
}

const deployment = (manifests: readonly Manifest[], name = 'glimpse'): Manifest =>
  manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)!;

const build = (overlay: string): Manifest[] => {
  const manifests = buildManifests(join(DEPLOY, 'kubernetes/overlays', overlay));
  // The image under the name that the manifests have for it.
  podman('tag', IMAGE, containerOf(deployment(manifests)).image as string);
  return manifests;
};

const POSTGRESQL = (
  deployment(buildManifestsIfPossible(), 'postgresql')?.spec.template.spec.containers[0] as
    Manifest | undefined
)?.image as string;

function buildManifestsIfPossible(): Manifest[] {
  return why === '' ? buildManifests(join(DEPLOY, 'kubernetes/overlays/development')) : [];
}

/** The PostgreSQL that the overlays expect of an operator: with TLS, under the name of its Service. */
async function startDatabase(): Promise<{ name: string; address: string; authority: string }> {
  const { authority, certificate, key } = certificatesFor(DATABASE_HOST);
  const name = `glimpse-e2e-${process.pid}-database`;
  const files = `printf %s "$CERTIFICATE" >/tmp/tls.crt; printf %s "$KEY" >/tmp/tls.key; chmod 600 /tmp/tls.key`;
  podman(
    ...['run', '--detach', '--name', name, '--user', '999:999', '--tmpfs', '/data:mode=1777'],
    ...[
      '--tmpfs',
      '/var/run/postgresql:mode=1777',
      '--env',
      'PGDATA=/data/db',
      '--env',
      `CERTIFICATE=${certificate}`,
    ],
    ...['--env', `KEY=${key}`, '--env', 'POSTGRES_USER=glimpse', '--env', 'POSTGRES_DB=glimpse'],
    ...['--env', `POSTGRES_PASSWORD=${PASSWORD}`, '--entrypoint', '["/bin/sh"]', POSTGRESQL, '-c'],
    `${files}; exec docker-entrypoint.sh -c ssl=on -c ssl_cert_file=/tmp/tls.crt -c ssl_key_file=/tmp/tls.key`,
  );
  await until(async () => (await podmanLater('exec', name, 'pg_isready')).code === 0, READY_MS);
  return { name, address: podman('inspect', '--format', '{{.NetworkSettings.IPAddress}}', name), authority };
}

/** Creates an image that waits for data; returns its id. */
async function createImage(images: string, headers: Record<string, string>): Promise<string> {
  const created = await fetch(images, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'one', disk_format: 'raw', container_format: 'bare' }),
  });
  return ((await created.json()) as { id: string }).id;
}

suite(`the pods of the overlay development${why}`, () => {
  let manifests: Manifest[];
  let cluster: Cluster;
  let postgresql: Pod;
  let pod: Pod;
  let hosts: Record<string, string>;

  beforeAll(async () => {
    makePostgresql(POSTGRESQL);
    manifests = build('development');
    cluster = { manifests, secrets: {}, settings: {}, claims: new Map() };
    postgresql = await Pod.start(deployment(manifests, 'postgresql'), cluster);
    hosts = { postgresql: postgresql.address };
    pod = await Pod.start(deployment(manifests), cluster, hosts);
  }, 120_000);
  afterAll(() => Promise.all([pod?.remove(), postgresql?.remove()]));

  it('are live before the migration, and ready after the Job', async () => {
    await until(() => postgresql.isReadyByCommand(), READY_MS);
    await until(async () => (await pod.probe('startupProbe')) === 200, READY_MS);
    expect([await pod.probe('livenessProbe'), await pod.probe('readinessProbe')]).toEqual([200, 503]);
    const [job] = workloads(manifests, 'Job');
    expect(await runJob(job!, cluster, hosts)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('applied '),
    });
    await until(async () => (await pod.probe('readinessProbe')) === 200, READY_MS);
    expect(await runJob(job!, cluster, hosts)).toMatchObject({ code: 0, stdout: 'nothing to do\n' });
  });

  it('respond to the request of the operators’ guide', async () => {
    const response = await fetch(`${pod.url()}/v2.1/images`, {
      headers: { 'x-auth-token': 'development-token' },
    });
    expect([response.status, await response.json()]).toEqual([200, { images: [] }]);
  });

  it('store image data', async () => {
    const headers = { 'x-auth-token': 'development-token' };
    const images = `${pod.url('image')}/v2/images`;
    const id = await createImage(images, headers);
    const octets = { ...headers, 'content-type': 'application/octet-stream' };
    const uploaded = await fetch(`${images}/${id}/file`, { method: 'PUT', headers: octets, body: 'data' });
    expect(uploaded.status).toBe(204);
    expect(await (await fetch(`${images}/${id}/file`, { headers })).text()).toBe('data');
  });

  it('are refused more memory than their limit, and no other pod is harmed', async () => {
    const fill = (mebibytes: number): string =>
      `const kept = []; while (kept.length < ${mebibytes / 16}) kept.push(Buffer.alloc(2 ** 24, 1));`;
    const { limits } = containerOf(deployment(manifests)).resources as { limits: { memory: string } };
    const limit = parseInt(limits.memory);
    expect(await runInstead(deployment(manifests), cluster, fill(limit * 0.75))).toBe(0);
    // Killed by the kernel.
    expect(await runInstead(deployment(manifests), cluster, fill(limit * 1.25))).toBe(137);
    expect(await pod.probe('readinessProbe')).toBe(200);
  });
});

suite.each(['production', 'mirror', 'file'])(`the pods of the overlay %s${why}`, (overlay) => {
  let manifests: Manifest[];
  let cluster: Cluster;
  let hosts: Record<string, string>;
  let database: string;
  let keystone: FakeKeystone;
  let glance: FakeGlance;
  let servers: Server[];
  let token: string;
  let pods: Pod[] = [];
  const pod = (): Pod => pods[0]!;

  beforeAll(async () => {
    manifests = build(overlay);
    const { name, address, authority } = await startDatabase();
    database = name;
    keystone = await FakeKeystone.start();
    for (const user of ['glimpse', 'glimpse-service']) {
      keystone.addUser({ name: user, password: PASSWORD, roles: ['service', 'admin'] });
    }
    token = issueFor('reader');
    glance = await FakeGlance.start();
    glance.add({ name: 'an image', visibility: 'public' });
    const [identity, identityPort] = await forward(keystone.url);
    const [images, imagesPort] = await forwardGlance(glance);
    servers = [identity, images];
    hosts = {
      [DATABASE_HOST]: address,
      'keystone.example.com': gateway(),
      'glance.example.com': gateway(),
    };
    cluster = {
      manifests,
      claims: new Map(),
      secrets: {
        'glimpse-database-app': { password: encodeURIComponent(PASSWORD) },
        'glimpse-database-ca': { 'ca.crt': authority },
        'glimpse-keystone': { password: PASSWORD, 'service-user-password': PASSWORD },
      },
      // What an overlay of an operator's own replaces.
      settings: {
        OS_AUTH_URL: `http://keystone.example.com:${identityPort}/v3`,
        ...(overlay === 'mirror' && { GLIMPSE_GLANCE_URL: `http://glance.example.com:${imagesPort}` }),
      },
    };
    const [job] = workloads(manifests, 'Job');
    expect(await runJob(job!, cluster, hosts)).toMatchObject({ code: 0 });
    for (const manifest of workloads(manifests, 'Deployment')) {
      pods.push(await Pod.start(manifest, cluster, hosts));
    }
  }, 120_000);
  afterAll(async () => {
    await Promise.all(pods.map((each) => each.remove()));
    pods = [];
    if (database) podman('rm', '--force', '--time', '0', database);
    for (const server of servers ?? []) server.close();
    await Promise.all([keystone?.close(), glance?.close()]);
  });

  /** Expects that the service never had more memory than its limit. */
  async function expectWithinLimit(): Promise<void> {
    const status = await pod().evaluate(
      `console.log(require('node:fs').readFileSync('/proc/1/status', 'utf8'))`,
    );
    const peakBytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
    const { limits } = containerOf(deployment(manifests)).resources as { limits: { memory: string } };
    expect(peakBytes).toBeLessThan(parseInt(limits.memory) * 2 ** 20);
  }

  const issueFor = (role: string): string =>
    keystone.issue({
      userName: 'demo',
      scope: { kind: 'project', id: 'demo', name: 'demo' },
      roles: [role],
    });

  it('serve a caller of Keystone, from a database whose certificate they verify', async () => {
    await until(async () => (await pod().probe('readinessProbe')) === 200, READY_MS);
    const list = async (): Promise<unknown> => {
      const response = await fetch(`${pod().url()}/v2.1/images`, { headers: { 'x-auth-token': token } });
      const { images } = (await response.json()) as { images?: { name: string }[] };
      return [response.status, images?.map(({ name }) => name)];
    };
    const expected = [200, overlay === 'mirror' ? ['an image'] : []];
    await until(async () => JSON.stringify(await list()) === JSON.stringify(expected), READY_MS).catch(
      () => undefined,
    );
    expect(await list()).toEqual(expected);
  });

  it('show their metrics on a port of their own', async () => {
    for (const each of pods) {
      const page = await (await fetch(`${each.url('metrics')}/metrics`)).text();
      expect(page).toContain('glimpse_build_info{');
    }
  });

  it('run without rights, on a file system to which nothing is written', async () => {
    const program = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const status = readFileSync('/proc/1/status', 'utf8');
      const field = (name) => new RegExp(name + ':\\\\s+(\\\\S+)').exec(status)[1];
      const write = (file) => { try { writeFileSync(file, ''); return 'written'; } catch ({ code }) { return code; } };
      const own = ['Uid', 'Gid', 'CapPrm', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map(field);
      console.log(JSON.stringify([own, ['/file', '/tmp/file', '/home/nonroot/file', '/opt/glimpse/file'].map(write)]));
    `;
    const none = '0'.repeat(16);
    for (const each of pods) {
      const [own, written] = JSON.parse(await each.evaluate(program)) as [string[], string[]];
      expect(own).toEqual(['65532', '65532', none, none, none, '1', '2']);
      expect(new Set(written)).toEqual(new Set(['EROFS']));
    }
  });

  it('keep their secrets in files, apart from the password in the URL of the database', () => {
    const environment = podman('inspect', '--format', '{{json .Config.Env}}', pod().name);
    const named = (JSON.parse(environment) as string[]).filter((line) => line.includes('a%20password'));
    expect(named.map((line) => line.split('=')[0]).sort()).toEqual(['DATABASE_PASSWORD', 'DATABASE_URL']);
    expect(environment).not.toContain(PASSWORD);
  });

  // The mirror has the pods of production, and more.
  if (overlay === 'mirror') {
    it(
      'serve both APIs within their memory limit under load',
      async () => {
        const imageApi = await fetch(`${pod().url('image')}/v2/images`, {
          headers: { 'x-auth-token': token },
        });
        const { images } = (await imageApi.json()) as { images: { id: string }[] };
        const load = new RequestLoad(pod().url(), { image: images[0]!.id, token, changes: false });
        await until(() => load.sent >= REQUESTS, LOAD_MS);
        await load.end();
        expect(load.failures).toEqual([]);
        await expectWithinLimit();
      },
      LOAD_MS,
    );

    it('go on serving while they terminate, and end with 0', async () => {
      let terminated = false;
      const seen: string[] = [];
      const clients = Array.from({ length: 4 }, async () => {
        while (!terminated && seen.at(-1)?.startsWith('200') !== false) {
          const headers = { 'x-auth-token': token };
          const status = await fetch(`${pod().url()}/v2.1/images`, { headers }).then(
            (response) => String(response.status),
            () => 'refused',
          );
          seen.push(`${status} while ${await pod().probe('readinessProbe')}`);
          await sleep(20);
        }
      });
      const codes = await Promise.all(pods.map((each) => each.terminate()));
      terminated = true;
      await Promise.all(clients);
      expect(codes).toEqual(codes.map(() => 0));
      expect(seen).toEqual(expect.arrayContaining(['200 while 200', '200 while 503']));
      // The end of listening.
      const failures = seen.filter((each) => !each.startsWith('200'));
      expect(failures.filter((each) => each !== 'refused while undefined')).toEqual([]);
      expect(await pod().log()).toContain('"event":"stopped"');
    });
  }

  if (overlay === 'file') {
    it('transfer images within their memory limit, many at once', async () => {
      const headers = { 'x-auth-token': issueFor('member'), 'content-type': 'application/octet-stream' };
      const images = `${pod().url('image')}/v2/images`;
      const data = Buffer.alloc(DATA_BYTES, 'image data');
      const transfer = async (): Promise<[number, number]> => {
        const url = `${images}/${await createImage(images, headers)}/file`;
        const { status } = await fetch(url, { method: 'PUT', body: data, headers });
        let received = 0;
        for await (const chunk of (await fetch(url, { headers })).body!) received += chunk.length;
        return [status, received];
      };
      const transfers = await Promise.all(Array.from({ length: TRANSFERS }, transfer));
      expect(transfers).toEqual(transfers.map(() => [204, DATA_BYTES]));
      await expectWithinLimit();
    }, 120_000);

    it('complete an upload while they terminate, and the next one has its data', async () => {
      const headers = { 'x-auth-token': issueFor('member') };
      const images = `${pod().url('image')}/v2/images`;
      const id = await createImage(images, headers);
      let finish = (): void => undefined;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      async function* data(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('image ');
        await finished;
        yield Buffer.from('data');
      }
      const upload = fetch(`${images}/${id}/file`, {
        ...{ method: 'PUT', duplex: 'half', body: ReadableStream.from(data()) },
        headers: { ...headers, 'content-type': 'application/octet-stream' },
      } as RequestInit);
      await until(async () => {
        const shown = await fetch(`${images}/${id}`, {
          headers: { ...headers, 'cache-control': 'no-cache' },
        });
        return ((await shown.json()) as { status: string }).status === 'saving';
      });
      const terminated = pod().terminate();
      await until(async () => (await pod().probe('livenessProbe')) === undefined, READY_MS);
      finish();
      expect((await upload).status).toBe(204);
      expect(await terminated).toBe(0);
      const next = await Pod.start(deployment(manifests), cluster, hosts);
      pods.push(next);
      await until(async () => (await next.probe('readinessProbe')) === 200, READY_MS);
      const download = await fetch(`${next.url('image')}/v2/images/${id}/file`, { headers });
      expect(await download.text()).toBe('image data');
    }, 120_000);
  }
});
