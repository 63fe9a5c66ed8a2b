import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogueUnavailable, SOURCE_DOCUMENTS, SourceUnavailable } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { StoredMirror, StoredPendingChanges, migrate, openDatabase, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import { Follower, MirroredDocuments } from './index.js';
import { FakeSource } from './testing/fake-source.js';

let server: TemporaryDatabase;
let database: Database;
let mirror: StoredMirror;
let source: FakeSource;
let observed: { name: string; known: object }[];
let now: number;

beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 8 });
  mirror = new StoredMirror(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  await database.pool.query('TRUNCATE source_facts');
  source = new FakeSource();
  observed = [];
  now = 0;
});

/** The documents as a new process serves them. */
const documents = (from: Pick<StoredMirror, 'facts' | 'draw' | 'applyFact'> = mirror): MirroredDocuments =>
  new MirroredDocuments({ document: source.document.bind(source) }, from, () => now);

describe('the documents of a source', () => {
  let stop: AbortController;
  let running: Promise<void> | undefined;
  beforeEach(() => {
    stop = new AbortController();
    running = undefined;
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  function follow(): void {
    const observe = (name: string, known: object): void => void observed.push({ name, known });
    const paces = { interval: 0.05, overlap: 10, round: 60 };
    const pending = new StoredPendingChanges(database);
    running = new Follower({ source, mirror, pending, observe, holder: 'test', ...paces }).run(stop.signal);
  }

  it('are kept by the follower, and served by a process that starts while the source is unavailable', async () => {
    source.documents.set('schemas/image', { z: 'an operator has', a: ['an order', null] });
    source.documents.set('info/stores', null);
    follow();
    await until(async () => (await mirror.facts()).size === SOURCE_DOCUMENTS.length);
    source.away = 'it is away';
    const fresh = documents();
    for (const name of SOURCE_DOCUMENTS) {
      expect(await fresh.read(name)).toEqual(source.documents.get(name));
    }
    const shown = JSON.stringify(await fresh.read('schemas/image'));
    expect(shown).toBe('{"z":"an operator has","a":["an order",null]}');
  }, 30_000);

  it('that the source fails to show are named once, and the others are kept', async () => {
    source.failingDocuments.add('schemas/images');
    follow();
    await until(async () => (await mirror.facts()).size === SOURCE_DOCUMENTS.length - 1);
    await until(() => observed.some(({ name }) => name === 'full-sync-ended'));
    expect(observed.filter(({ name }) => name === 'source-document-unread')).toEqual([
      { name: 'source-document-unread', known: { name: 'schemas/images', reason: 'it answers 500' } },
    ]);
    expect(observed.map(({ name }) => name)).not.toContain('source-unavailable');
  }, 30_000);
});

describe('a document that no follower has read', () => {
  it('is fetched once for all requests, and kept for other processes', async () => {
    const served = documents();
    const read = await Promise.all(Array.from({ length: 20 }, () => served.read('versions')));
    expect(new Set(read.map((each) => JSON.stringify(each)))).toEqual(new Set(['{"name":"versions"}']));
    expect(source.calls['document versions']).toBe(1);
    source.away = 'it is away';
    expect(await documents().read('versions')).toEqual({ name: 'versions' });
    expect(await served.read('versions')).toEqual({ name: 'versions' });
  });

  it('is unavailable with the source, which is not requested for each request', async () => {
    source.away = 'it is away';
    const served = documents();
    for (let times = 0; times < 20; times++) {
      await expect(served.read('versions')).rejects.toBeInstanceOf(SourceUnavailable);
    }
    expect(source.calls['document versions']).toBe(1);
    source.away = undefined;
    await until(async () => (await served.read('versions').catch(() => undefined)) !== undefined);
  });
});

describe('a document that is kept', () => {
  it('is read again after some seconds, and never replaced by an older response', async () => {
    const old = await mirror.draw();
    const served = documents();
    await served.read('versions');
    await mirror.applyFact('versions', { name: 'newer' }, await mirror.draw());
    await mirror.applyFact('versions', { name: 'older' }, old);
    expect(await served.read('versions')).toEqual({ name: 'versions' });
    now += 6_000;
    expect(await served.read('versions')).toEqual({ name: 'newer' });
  });

  it('is served while the database is unavailable, by a process that has read it', async () => {
    let isAway = false;
    let reads = 0;
    const facts = (): Promise<ReadonlyMap<string, unknown>> => {
      reads++;
      return isAway ? Promise.reject(new CatalogueUnavailable()) : mirror.facts();
    };
    const failing = { facts, draw: () => mirror.draw(), applyFact: mirror.applyFact.bind(mirror) };
    const served = documents(failing);
    await served.read('versions');
    isAway = true;
    now += 6_000;
    reads = 0;
    for (let times = 0; times < 10; times++)
      expect(await served.read('versions')).toEqual({ name: 'versions' });
    expect(reads).toBe(1);
    await expect(documents(failing).read('versions')).rejects.toBeInstanceOf(CatalogueUnavailable);
  });
});
