import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { StoredImageObjects, openDatabase } from '@glimpse/store';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from './balancer.js';
import { glimpse } from './command.js';
import { amount } from './long.js';
import { CANNOT_SIGNAL, OwnDatabase } from './own-database.js';
import { IDENTITIES, newFolder, startBareService, tokenOf, type Service } from './service.js';

/** How many uploads and deletions are acknowledged before the storm ends. */
const ACKNOWLEDGED = amount(60, 500);
/** The longest pause between two kills. */
const BETWEEN_KILLS_MS = 900;
const CLIENTS = 8;

const test = CANNOT_SIGNAL ? it.skip : it;

/** A store of image data, as a test sees it. */
export interface KilledStore {
  readonly settings: Readonly<Record<string, string>>;
  /** The bytes of the next image. */
  size(): number;
  /** The keys of everything that it has. */
  keys(): Promise<string[]>;
  /** Kills its process, and waits until it is back; undefined where it has none. */
  kill?(): Promise<void>;
}

/** An image as the client knows it. */
interface Known {
  readonly checksum: string;
  uploaded?: boolean;
  /** `sent`: the response to its deletion is not known. */
  deleted?: 'sent' | 'acknowledged';
}

/** Declares the test of a store, of two replicas and of their database, which are killed during uploads and deletions. */
export function itSurvivesKills(name: string, store: KilledStore): void {
  let database: OwnDatabase;
  const replicas: Service[] = [];
  const ports: number[] = [];
  let settings: Record<string, string>;

  beforeAll(async () => {
    const identities = join(newFolder(), 'identities.json');
    writeFileSync(identities, JSON.stringify({ [tokenOf('demo')]: IDENTITIES['demo'] }));
    database = await OwnDatabase.start({ images: [] });
    settings = {
      ...{ DATABASE_URL: database.url, GLIMPSE_IDENTITIES: identities, GLIMPSE_PORT: 'off' },
      ...{ GLIMPSE_DATA_PROJECT_QUOTA: '4096', ...store.settings },
    };
    for (const at of [0, 1]) {
      ports[at] = await freePort();
      await start(at);
    }
  }, 120_000);
  afterAll(async () => {
    for (const replica of replicas) await replica.stop('SIGKILL');
    await database?.stop();
  }, 60_000);

  async function start(at: number): Promise<void> {
    replicas[at] = await startBareService({ ...settings, GLIMPSE_IMAGE_PORT: String(ports[at]) });
  }

  /** A response, or undefined if there was none. */
  async function send(
    method: string,
    path: string,
    body?: Blob | ReadableStream | string,
  ): Promise<Response | undefined> {
    const port = ports[Math.floor(Math.random() * ports.length)];
    const headers = { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/octet-stream' };
    const streamed = body instanceof ReadableStream && { duplex: 'half' };
    try {
      const init = { method, headers, ...(body !== undefined && { body }), ...streamed } as RequestInit;
      return await fetch(`http://127.0.0.1:${port}/v2/images${path}`, init);
    } catch {
      return undefined;
    }
  }

  const images = new Map<string, Known>();
  let acknowledged = 0;
  let over = false;

  async function client(): Promise<void> {
    while (!over) {
      const bytes = randomBytes(store.size());
      const known: Known = { checksum: createHash('md5').update(bytes).digest('hex') };
      const id = randomUUID();
      const created = await send(
        'POST',
        '',
        JSON.stringify({ id, disk_format: 'raw', container_format: 'bare' }),
      );
      if (created?.status !== 201) {
        await created?.arrayBuffer().catch(() => undefined);
        await sleep(20);
        continue;
      }
      images.set(id, known);
      for (let attempt = 0; attempt < 3 && !known.uploaded && !over; attempt++) {
        const data = new Blob([bytes]);
        const response = await send('PUT', `/${id}/file`, Math.random() < 0.5 ? data : data.stream());
        // An upload whose response was lost may be complete.
        if (response?.status === 204) known.uploaded = true;
        else await sleep(50);
      }
      if (known.uploaded) acknowledged++;
      if (Math.random() > 0.4) continue;
      known.deleted = 'sent';
      if ((await send('DELETE', `/${id}`))?.status === 204) {
        known.deleted = 'acknowledged';
        acknowledged++;
      }
    }
  }

  async function killReplica(at: number): Promise<void> {
    await replicas[at]!.stop('SIGKILL');
    await start(at);
  }

  async function killDatabase(): Promise<void> {
    database.signal('SIGKILL');
    // A connection may time out while it recovers.
    await until(() => database.restart().then(...DONE), 60_000);
  }

  const kills = [() => killReplica(0), () => killReplica(1), killDatabase];
  if (store.kill) {
    kills.push(
      () => store.kill!(),
      async () => void (await Promise.all([store.kill!(), killReplica(0)])),
    );
  }

  /** Kills one after the other at random moments, each at least twice. */
  async function killAtRandom(): Promise<void> {
    for (let count = 0; acknowledged < ACKNOWLEDGED || count < 2 * kills.length; count++) {
      await sleep(Math.random() * BETWEEN_KILLS_MS);
      await kills[count % kills.length]!();
    }
  }

  const count = async (condition: string): Promise<number> =>
    (await database.query(`SELECT count(*)::int AS count FROM ${condition}`))[0]!['count'] as number;

  test(
    `${name}${CANNOT_SIGNAL}`,
    async () => {
      const clients = Array.from({ length: CLIENTS }, client);
      try {
        await killAtRandom();
      } finally {
        over = true;
        await Promise.all(clients);
      }
      for (const replica of replicas) await replica.stop('SIGKILL');

      // All writers are dead: the sweeper would find that out within a minute, which long runs wait for.
      const opened = openDatabase({ url: database.url, poolSize: 2 });
      const stored = new StoredImageObjects(opened);
      if (amount(1, 0)) for (const upload of await stored.writing()) await stored.giveUp(upload);
      await start(0);
      const waiting = "image_objects WHERE state = 'writing' OR state = 'doomed' AND swept_at IS NULL";
      await until(async () => (await count(waiting)) === 0, 180_000);
      await opened.close();

      expect(await count("images WHERE status NOT IN ('active', 'queued', 'deleted')")).toBe(0);
      const live = await database.query("SELECT id FROM image_objects WHERE state = 'live'");
      expect((await store.keys()).sort()).toEqual(live.map(({ id }) => id).sort());
      ports[1] = ports[0]!;
      const counts = { whole: 0, queued: 0, deleted: 0 };
      for (const [id, { checksum, uploaded, deleted }] of images) {
        const shown = await send('GET', `/${id}`);
        const { status = 'deleted' } = (await shown!.json()) as { status?: string };
        if (deleted === 'acknowledged') expect([id, status]).toEqual([id, 'deleted']);
        if (status === 'deleted') {
          expect([id, deleted]).not.toEqual([id, undefined]);
          counts.deleted++;
        } else if (status === 'queued') {
          expect([id, uploaded]).toEqual([id, undefined]);
          counts.queued++;
        } else {
          const bytes = Buffer.from(await (await send('GET', `/${id}/file`))!.arrayBuffer());
          expect([id, createHash('md5').update(bytes).digest('hex')]).toEqual([id, checksum]);
          counts.whole++;
        }
      }
      // Whether one is queued in the end depends on the last moment.
      expect(Math.min(counts.whole, counts.deleted)).toBeGreaterThan(0);
      const { code, stdout } = await glimpse(['data', 'check'], settings);
      expect([code, stdout]).toEqual([0, expect.stringContaining(' 0 findings')]);
    },
    amount(600_000, 1_800_000),
  );
}

const DONE = [() => true, () => false] as const;
