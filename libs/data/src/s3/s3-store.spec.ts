import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client, CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, expect, it, jest } from '@jest/globals';
import { definePlugin, type ImageData } from '@glimpse/plugins';
import { checkImageData } from '@glimpse/plugins/testing';
import { FaultyProxy } from '../testing/faulty-proxy.js';
import { describeWithSwift } from '../testing/swift.js';
import { storeErrorOf } from './s3-errors.js';
import { openS3Store, type S3StoreOptions } from './open-s3-store.js';

jest.setTimeout(30_000);

const folder = mkdtempSync(join(tmpdir(), 'glimpse-s3-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* bytesOf(size: number, chunk = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += chunk) {
    yield await Promise.resolve(Buffer.alloc(Math.min(chunk, size - at), at / chunk));
  }
}

async function sizeRead(data: ImageData, key: string, size: number): Promise<number> {
  let read = 0;
  for await (const chunk of await data.read(key, { first: 0, last: size - 1 })) read += chunk.length;
  return read;
}

await describeWithSwift('a store in a bucket', (swift) => {
  const keyFiles = { accessKey: join(folder, 'access'), secretKey: join(folder, 'secret') };
  writeFileSync(keyFiles.accessKey, `${swift.accessKey}\n`);
  writeFileSync(keyFiles.secretKey, `${swift.secretKey}\n`);
  const options: S3StoreOptions = {
    ...{ bucket: swift.bucket, prefix: '', endpoint: swift.url, region: swift.region, pathStyle: true },
    ...{ keyFiles, uploads: 8, timeoutMs: 10_000 },
  };
  let stores = 0;
  const open = (changes: Partial<S3StoreOptions> = {}): Promise<ImageData> =>
    openS3Store({ ...options, prefix: `${++stores}/`, ...changes });

  const client = new S3Client({
    ...{ endpoint: swift.url, region: swift.region, forcePathStyle: true },
    credentials: { accessKeyId: swift.accessKey, secretAccessKey: swift.secretKey },
  });
  const at = (Key: string): { Bucket: string; Key: string } => ({ Bucket: swift.bucket, Key });
  async function uploads(Prefix: string): Promise<string[]> {
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: swift.bucket, Prefix }),
    );
    return Uploads.map(({ Key }) => Key!);
  }
  afterAll(() => client.destroy());

  it('conforms to the contract of stores', () =>
    checkImageData(definePlugin({ kind: 'image-data', contract: 1, create: () => open() })));

  it('names the clocks where the service refuses the time of a request', async () => {
    const skewed = new S3Client({
      ...{ endpoint: swift.url, region: swift.region, forcePathStyle: true, maxAttempts: 1 },
      credentials: { accessKeyId: swift.accessKey, secretAccessKey: swift.secretKey },
      systemClockOffset: 3_600_000,
    });
    const refused: unknown = await skewed
      .send(new ListMultipartUploadsCommand({ Bucket: swift.bucket }))
      .catch((error: unknown) => storeErrorOf(error));
    skewed.destroy();
    expect(refused).toMatchObject({
      code: 'data-unavailable',
      cause: { message: expect.stringContaining('(RequestTimeTooSkewed): the clocks of this machine') },
    });
  });

  it.each([8 * 2 ** 20, 20 * 2 ** 20 + 1])('has what was written in parts: %d bytes', async (size) => {
    const data = await open();
    const key = randomUUID();
    const bytes = randomBytes(size);
    await data.write(
      key,
      (async function* () {
        for (let from = 0; from < size; from += 65_536) {
          yield await Promise.resolve(bytes.subarray(from, from + 65_536));
        }
      })(),
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of await data.read(key, { first: 0, last: size - 1 })) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    const range = { first: 8 * 2 ** 20 - 3, last: Math.min(8 * 2 ** 20 + 2, size - 1) };
    const some: Uint8Array[] = [];
    for await (const chunk of await data.read(key, range)) some.push(chunk);
    expect(Buffer.concat(some).equals(bytes.subarray(range.first, range.last + 1))).toBe(true);
    await data.delete(key);
    expect(await uploads('')).toEqual([]);
  });

  it('sends parts again that the service refuses or does not get, and trusts no lost response', async () => {
    const proxy = await FaultyProxy.to(swift.url);
    const data = await open({ endpoint: proxy.url });
    const [key, small] = [randomUUID(), randomUUID()];
    const size = 20 * 2 ** 20;
    proxy.failNext(/^PUT .*partNumber=2/, 'refuse', 'cut', 'lose');
    proxy.failNext(/^POST .*uploadId=/, 'lose');
    await data.write(key, bytesOf(size));
    expect(await sizeRead(data, key, size)).toBe(size);
    proxy.failNext(/^PUT /, 'cut', 'refuse', 'lose');
    await data.write(small, bytesOf(1_000));
    expect(await sizeRead(data, small, 1_000)).toBe(1_000);
    expect(proxy.left).toBe(0);
    proxy.close();
  });

  it('keeps nothing of an object whose part is refused each time', async () => {
    const proxy = await FaultyProxy.to(swift.url);
    const data = await open({ endpoint: proxy.url });
    proxy.failNext(/^PUT .*partNumber=2/, ...Array<'refuse'>(5).fill('refuse'));
    await expect(data.write(randomUUID(), bytesOf(20 * 2 ** 20))).rejects.toMatchObject({
      code: 'data-unavailable',
    });
    expect(await uploads('')).toEqual([]);
    proxy.close();
  });

  it('keeps nothing of an object for which the service has too little space after a part', async () => {
    const proxy = await FaultyProxy.to(swift.url);
    const data = await open({ endpoint: proxy.url });
    proxy.failNext(/^PUT .*partNumber=2/, 'full');
    await expect(data.write(randomUUID(), bytesOf(20 * 2 ** 20))).rejects.toMatchObject({
      code: 'store-full',
    });
    expect([proxy.left, await uploads('')]).toEqual([0, []]);
    proxy.close();
  });

  it('keeps nothing of an object whose bytes failed after some parts', async () => {
    const data = await open();
    const broken = (async function* () {
      yield* bytesOf(30 * 2 ** 20);
      throw new Error('the client is gone');
    })();
    await expect(data.write(randomUUID(), broken)).rejects.toThrow('the client is gone');
    expect(await uploads('')).toEqual([]);
  });

  it('deletes with a key the parts of its broken uploads, and of no other key', async () => {
    const data = await open({ prefix: 'left/' });
    const key = randomUUID();
    for (const Key of [`left/${key}`, `left/${key}`, `left/${key}0`]) {
      await client.send(new CreateMultipartUploadCommand(at(Key)));
    }
    await data.delete(key);
    expect(await uploads('left/')).toEqual([`left/${key}0`]);
  });

  it('is unavailable with a wrong secret, without its bucket, and where nothing listens', async () => {
    const secretKey = join(folder, 'wrong');
    writeFileSync(secretKey, 'wrong');
    const stored = [
      await open({ keyFiles: { ...keyFiles, secretKey } }),
      await open({ bucket: 'none' }),
      await open({ endpoint: 'http://127.0.0.1:9' }),
    ];
    for (const data of stored) {
      const unavailable = { code: 'data-unavailable' };
      await expect(data.readMarker()).rejects.toMatchObject(unavailable);
      await expect(data.write(randomUUID(), bytesOf(9 * 2 ** 20))).rejects.toMatchObject(unavailable);
    }
  });

  it('is given up when it is silent, in an upload and in a download', async () => {
    const data = await open({ timeoutMs: 1_000 });
    const key = randomUUID();
    const size = 30 * 2 ** 20;
    await data.write(key, bytesOf(size));
    const reading = (await data.read(key, { first: 0, last: size - 1 }))[Symbol.asyncIterator]();
    await reading.next();
    swift.signal('SIGSTOP');
    try {
      await expect(data.write(randomUUID(), bytesOf(size))).rejects.toMatchObject({ code: 'data-timeout' });
      const rest = async (): Promise<void> => {
        for (;;) if ((await reading.next()).done) return;
      };
      await expect(rest()).rejects.toMatchObject({ code: 'data-timeout' });
      await expect(reading.next()).rejects.toMatchObject({ code: 'data-unavailable' });
    } finally {
      swift.signal('SIGCONT');
    }
    expect(await sizeRead(data, key, size)).toBe(size);
  });
});
