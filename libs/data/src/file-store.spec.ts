import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openFiles } from '@glimpse/domain/testing';
import { definePlugin } from '@glimpse/plugins';
import { checkImageData } from '@glimpse/plugins/testing';
import { FileStore } from './file-store.js';

const KEY = '70a599e0-31e7-49b7-b260-868f441e862b';
const folder = mkdtempSync(join(tmpdir(), 'glimpse-data-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let stores = 0;
const newPath = (): string => join(folder, String(++stores));
const open = (path = newPath(), reserveBytes = 0): FileStore => new FileStore({ path, reserveBytes });

const onLinux = process.platform === 'linux';

async function* bytes(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from('abc'));
}

describe('a store of files', () => {
  it('conforms to the contract of stores', () =>
    checkImageData(definePlugin({ kind: 'image-data', contract: 1, create: () => open() })));

  it('refuses what would leave less than the reserve, and keeps nothing of it', async () => {
    const path = newPath();
    await expect(open(path, 2 ** 60).write(KEY, bytes())).rejects.toMatchObject({ code: 'store-full' });
    expect(readdirSync(path)).toEqual([]);
  });

  (onLinux ? it : it.skip)(
    `closes its file where a read is ended before it is begun${onLinux ? '' : ' (skipped: only Linux shows open files)'}`,
    async () => {
      const path = newPath();
      const store = open(path);
      await store.write(KEY, bytes());
      const read = (await store.read(KEY, { first: 0, last: 2 }))[Symbol.asyncIterator]();
      expect(openFiles('self', path)).toEqual([join(path, KEY)]);
      await read.return!();
      expect(openFiles('self', path)).toEqual([]);
    },
  );

  it('is unavailable where its folder cannot be made', async () => {
    const path = newPath();
    writeFileSync(path, '');
    await expect(open(path).write(KEY, bytes())).rejects.toMatchObject({ code: 'data-unavailable' });
  });

  it('deletes what was left of an attempt to write', async () => {
    const path = newPath();
    const store = open(path);
    await store.writeMarker('id');
    writeFileSync(join(path, `${KEY}.partial`), 'ab');
    await store.delete(KEY);
    expect(readdirSync(path)).toEqual(['catalogue-id']);
  });
});
