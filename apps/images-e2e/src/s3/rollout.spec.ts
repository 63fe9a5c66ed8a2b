import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWithSwift } from '@glimpse/data/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { hasNginx } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import type { RawConnection } from '../harness/raw-http.js';
import { Replicas } from '../harness/replicas.js';
import type { Service } from '../harness/service.js';
import { Bucket } from './harness/bucket.js';
import { Images, isBusy } from './harness/images.js';

const MIB = 2 ** 20;
const SLOW_UPLOADS = 4;
const SLOW_DOWNLOADS = 4;
/** Clients that upload small images one after the other. */
const UPLOADERS = 2;
/** More than the connections from the bucket to a client hold. */
const DOWNLOAD_BYTES = 64 * MIB;
const SLOW_UPLOAD_BYTES = 40 * MIB;
/** More than a part. */
const BEGUN_BYTES = 10 * MIB;
/** Milliseconds between two chunks of a slow transfer. */
const PAUSE_MS = 500;
const LIMIT_MS = 600_000;

const NAME = 'image data in a bucket during a rollout';
const skipped = [amount(1, 0) && 'in long runs only', !hasNginx && 'nginx is not installed'].find(Boolean);

if (skipped) it.skip(`${NAME} (skipped: ${skipped})`, () => undefined);
else {
  await describeWithSwift(NAME, (swift) => {
    const bucket = new Bucket(swift);
    const settings = { ...bucket.settings(), GLIMPSE_DATA_OPTIONS_TIMEOUT: '300' };
    let database: string;
    let replicas: Replicas | undefined;
    let images: Images<Pick<Service, 'imageUrl'>>;

    beforeAll(async () => {
      database = await createDatabase('migrated');
      replicas = await Replicas.start(database, 2, {
        settingsOf: (port) => ({
          ...settings,
          ...{ GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: port, GLIMPSE_SHUTDOWN_TIMEOUT: '20' },
        }),
      });
      images = new Images({ imageUrl: replicas.balancer.url });
    }, 120_000);
    afterAll(async () => {
      await replicas?.stop();
      bucket.close();
    });

    const acknowledged = new Map<string, Buffer>();
    const interrupted = new Set<string>();

    /** The bytes of uploads that the replicas have received. */
    async function receivedBytes(): Promise<number> {
      const received = /^glimpse_data_transferred_bytes_total\{direction="upload"\} (\S+)$/m;
      const metrics = await Promise.all(
        replicas!.services.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
      );
      return metrics.reduce((sum, text) => sum + Number(received.exec(text)?.[1]), 0);
    }

    /** Uploads images until the rollout is over. */
    async function uploadUntil(over: AbortSignal): Promise<void> {
      while (!over.aborted) {
        const bytes = randomBytes(1 + Math.floor(Math.random() * (Math.random() < 0.2 ? 20 : 1) * MIB));
        const id = await images.create();
        const { status } = await images.upload(id, bytes);
        expect([204, 502]).toContain(status);
        if (status === 204) acknowledged.set(id, bytes);
        else interrupted.add(id);
      }
    }

    /** Begins an upload of several parts, again if a busy service has refused it, and goes on with it slowly. */
    async function uploadSlowly(over: AbortSignal): Promise<{ id: string; connection: RawConnection }> {
      const id = await images.create();
      for (;;) {
        const connection = await images.beginUpload(id, SLOW_UPLOAD_BYTES);
        connection.write(Buffer.alloc(BEGUN_BYTES));
        const isRefused = (): boolean => connection.hasReceived('HTTP/1.1');
        await until(async () => isRefused() || (await images.statusOf(id)) === 'saving', 120_000);
        if (!isRefused()) {
          const timer = setInterval(() => connection.write(Buffer.alloc(1_000)), PAUSE_MS);
          over.addEventListener('abort', () => clearInterval(timer));
          return { id, connection };
        }
        const { text } = await connection.response();
        connection.close();
        if (!isBusy(text)) throw new Error(text);
        await images.waitsForData(id);
      }
    }

    /**
     * Downloads an image slowly until the rollout is over, and goes on where a connection has broken.
     *
     * @returns the MD5 of the bytes, and how many connections broke
     */
    async function downloadSlowly(
      id: string,
      { over, onBegun }: { over: AbortSignal; onBegun: () => void },
    ): Promise<{ checksum: string; broken: number }> {
      const hash = createHash('md5');
      let received = 0;
      let broken = 0;
      while (received < DOWNLOAD_BYTES) {
        const range = `bytes=${received}-`;
        const response = await images.send(`/${id}/file`, received === 0 ? {} : { headers: { range } });
        expect(response.status).toBe(received === 0 ? 200 : 206);
        try {
          for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
            hash.update(chunk);
            if (received === 0) onBegun();
            received += chunk.length;
            await sleep(PAUSE_MS, undefined, { signal: over }).catch(() => undefined);
          }
        } catch {
          broken++;
        }
      }
      return { checksum: hash.digest('hex'), broken };
    }

    async function rollDuringTransfers(downloaded: { id: string; checksum: string }): Promise<void> {
      const rolled = new AbortController();
      const { signal: over } = rolled;
      let begun = 0;
      const downloads = Promise.all(
        Array.from({ length: SLOW_DOWNLOADS }, () =>
          downloadSlowly(downloaded.id, { over, onBegun: () => begun++ }),
        ),
      );
      // It may fail before it is awaited.
      void downloads.catch(() => undefined);
      const before = await receivedBytes();
      const slow = await Promise.all(Array.from({ length: SLOW_UPLOADS }, () => uploadSlowly(over)));
      await until(async () => {
        for (const { connection } of slow)
          if (connection.hasReceived('HTTP/1.1')) throw new Error(connection.rest);
        return (await receivedBytes()) - before >= SLOW_UPLOADS * BEGUN_BYTES;
      }, 120_000);
      await until(() => begun === SLOW_DOWNLOADS, 60_000);
      await Promise.all([
        ...Array.from({ length: UPLOADERS }, () => uploadUntil(over)),
        replicas!.roll().finally(() => rolled.abort()),
      ]);
      for (const { id, connection } of slow) {
        const { status, text } = await connection.response();
        connection.close();
        expect([status, text]).toEqual([502, expect.stringContaining('because this service stops')]);
        interrupted.add(id);
      }
      for (const { checksum, broken } of await downloads) {
        expect(checksum).toBe(downloaded.checksum);
        expect(broken).toBeGreaterThan(0);
      }
    }

    it(
      'loses no acknowledged image; uploads that it interrupts are 502, and downloads go on',
      async () => {
        const bytes = randomBytes(DOWNLOAD_BYTES);
        const downloaded = {
          id: await images.create(),
          checksum: createHash('md5').update(bytes).digest('hex'),
        };
        expect((await images.upload(downloaded.id, bytes)).status).toBe(204);

        await rollDuringTransfers(downloaded);

        expect(acknowledged.size).toBeGreaterThan(0);
        for (const [id, uploaded] of acknowledged) {
          expect((await images.download(id)).equals(uploaded)).toBe(true);
        }
        for (const id of interrupted) await images.waitsForData(id);
        const [again] = interrupted;
        expect((await images.upload(again!, Buffer.from('again'))).status).toBe(204);
        const stored = acknowledged.size + 2;
        await until(async () => {
          const { objects, uploads } = await bucket.keys();
          return objects.length === stored && uploads.length === 0;
        }, 60_000);
        const { code, stdout } = await glimpse(['data', 'check'], {
          ...settings,
          DATABASE_URL: databaseUrl(database),
        });
        expect([code, stdout]).toEqual([0, expect.stringContaining(' 0 findings')]);
      },
      LIMIT_MS,
    );
  });
}
