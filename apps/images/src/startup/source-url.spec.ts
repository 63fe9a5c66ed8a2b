import { CatalogueUnavailable } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { StoredMirror, migrate, openDatabase, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadSettings } from '../settings/load.js';
import { SourceUrl } from './source-url.js';

let server: TemporaryDatabase;
let database: Database;
let mirror: StoredMirror;
let over: AbortController;
let watches: Promise<void>[];
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
  mirror = new StoredMirror(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  await database.pool.query('TRUNCATE source_facts');
  over = new AbortController();
  watches = [];
});
afterEach(async () => {
  over.abort();
  await Promise.all(watches);
});

/** A process: its source, which knows its URL or not, and the URL that it uses. */
function start(url: string | undefined, { region = 'one', facts = () => mirror.facts() } = {}) {
  const source = { url };
  const settings = {
    ...loadSettings({}),
    ...{ source: { use: 'glance' }, glance: { interface: 'public' }, keystone: { region_name: region } },
  } as unknown as ConstructorParameters<typeof SourceUrl>[1];
  const learnt = new SourceUrl(source, settings);
  const kept = { facts, draw: () => mirror.draw(), applyFact: mirror.applyFact.bind(mirror) };
  watches.push(learnt.watch(kept, over.signal));
  return { source, learnt };
}

it('is what another process learnt, until the catalog has been read', async () => {
  const first = start(undefined);
  expect(first.learnt.value).toBeUndefined();
  first.source.url = 'http://one.example.com';
  expect(first.learnt.value).toBe('http://one.example.com');
  await until(async () => (await mirror.facts()).size === 1);

  const second = start(undefined);
  await until(() => second.learnt.value !== undefined);
  expect(second.learnt.value).toBe('http://one.example.com');
  second.source.url = 'http://two.example.com';
  expect(second.learnt.value).toBe('http://two.example.com');
  await until(async () => [...(await mirror.facts()).values()].includes('http://two.example.com'));
});

it('is another one for processes with another region', async () => {
  const first = start(undefined);
  first.source.url = 'http://one.example.com';
  await until(async () => (await mirror.facts()).size === 1);
  const other = start(undefined, { region: 'two' });
  const same = start(undefined);
  await until(() => same.learnt.value !== undefined);
  expect(other.learnt.value).toBeUndefined();
});

it('that is configured is neither read nor kept', async () => {
  const { learnt } = start('http://configured.example.com');
  await watches[0];
  expect(learnt.value).toBe('http://configured.example.com');
  expect((await mirror.facts()).size).toBe(0);
});

it('is read as soon as the database is available', async () => {
  await mirror.applyFact('url of glance public one', 'http://one.example.com', await mirror.draw());
  let failures = 2;
  const facts = (): ReturnType<StoredMirror['facts']> =>
    failures-- > 0 ? Promise.reject(new CatalogueUnavailable()) : mirror.facts();
  const { learnt } = start(undefined, { facts });
  await until(() => learnt.value === 'http://one.example.com');
});
