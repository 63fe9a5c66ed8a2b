import { randomUUID } from 'node:crypto';
import { CatalogueUnavailable, DataUnavailable, StoreFull } from '@glimpse/domain';
import type { ImageData } from '@glimpse/plugins';
import { openDatabase, orUnavailable } from '@glimpse/store';
import { WrongStore } from '../../access/data-errors.js';
import { markerOf } from '../../access/own-store.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import type { LoadedStore } from '../data.js';
import type { CheckedDependencies } from './checks.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';

const TEST_DATA = Buffer.from('glimpse doctor');

/** What the database says of a store. */
interface Known {
  /** The id of the catalogue; null: it has none yet. */
  readonly id: string | null;
  readonly firstStore: string | null;
  /** Whether the catalogue has objects there. */
  readonly used: boolean;
}

/** PostgreSQL's code: the database has the columns of an older release. */
const UNDEFINED_COLUMN = '42703';

/** $1: the store, null where it has no name; $2: the default store. */
const KNOWN = `
  SELECT (SELECT id FROM catalogue_id) AS id, (SELECT first_store FROM catalogue_id) AS "firstStore", EXISTS (
    SELECT FROM image_objects
    WHERE $1::text IS NULL OR coalesce(store, (SELECT first_store FROM catalogue_id), $2) = $1
  ) AS used`;

/** Tests whether each store of image data is that of the catalogue and keeps an object. */
export async function examineStores(on: CheckedDependencies): Promise<Finding[]> {
  const { stores, faultOf } = on;
  if (stores.length === 0) {
    return [skipped('store', 'no image data is stored here: data.use is not set')];
  }
  const findings: Finding[] = [];
  for (const store of stores) {
    findings.push(...(await examineStore(store, on, () => faultOf(store.configured.use))));
  }
  return findings;
}

/** @param faultOf what the plugin has reported */
async function examineStore(
  { configured, data }: LoadedStore,
  { settings, writesObjects }: CheckedDependencies,
  faultOf: () => string | undefined,
): Promise<Finding[]> {
  const { name, path } = configured;
  const subject = name === undefined ? 'store' : `store ${name}`;
  try {
    const marker = await data.readMarker();
    const known = await readKnown(settings, name);
    if (known && (marker === undefined ? known.used : marker !== expectedMarker(known, configured))) {
      return [failed(subject, `${new WrongStore(name).message} Compare its catalogue-id: docs/operators.md`)];
    }
    if (writesObjects) await tryObject(data);
    return [
      ok(subject, writesObjects ? 'an object was written, read and deleted' : 'it is that of the catalogue'),
      ...(await examineSpace(data, name === undefined ? 'space' : `space in ${name}`)),
    ];
  } catch (error) {
    if (error instanceof StoreFull) return [failed(subject, `${error.message} Enlarge it`)];
    if (!(error instanceof DataUnavailable)) throw error;
    const cause = faultOf() ?? (error.cause as Error | undefined)?.message;
    const options = name === undefined ? 'GLIMPSE_DATA_OPTIONS_…' : path;
    return [failed(subject, `${error.message} ${cause ?? ''}; check ${options}`)];
  }
}

const expectedMarker = ({ id, firstStore }: Known, store: LoadedStore['configured']): string | null =>
  id && markerOf({ id, firstStore }, store);

/** Undefined where it is not known; what is wrong with the database is a finding of its own. */
async function readKnown(
  { database: { url, pooler }, data }: EffectiveSettings,
  store: string | undefined,
): Promise<Known | undefined> {
  if (!url) return undefined;
  const database = openDatabase({ url, pooler, poolSize: 1 });
  // Without a handler, an error of an idle connection would end the process.
  database.pool.on('error', () => undefined);
  const values = [store ?? null, data.default_store ?? null];
  try {
    const { rows } = await orUnavailable(() => database.pool.query<Known>(KNOWN, values));
    return rows[0]!;
  } catch (error) {
    // That migrations are missing is a finding of its own, too.
    const isOlder = (error as { code?: unknown }).code === UNDEFINED_COLUMN;
    if (!(error instanceof CatalogueUnavailable) && !isOlder) throw error;
    return undefined;
  } finally {
    await database.close();
  }
}

/** @throws {StoreFull} {DataUnavailable} */
async function tryObject(data: ImageData): Promise<void> {
  const key = randomUUID();
  await data.write(key, bytes(), TEST_DATA.length);
  try {
    const read: Buffer[] = [];
    for await (const chunk of await data.read(key, { first: 0, last: TEST_DATA.length - 1 })) {
      read.push(Buffer.from(chunk));
    }
    if (!Buffer.concat(read).equals(TEST_DATA)) {
      throw new DataUnavailable({ cause: new Error('it returns other bytes than those that were written') });
    }
  } finally {
    await data.delete(key);
  }
}

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(TEST_DATA);
}

async function examineSpace(data: ImageData, subject: string): Promise<Finding[]> {
  const free = await data.freeBytes?.();
  if (free === undefined) return [];
  const text = `${Math.floor(free / 2 ** 20)} MiB are free beyond the reserve`;
  return [free > 0 ? ok(subject, text) : warning(subject, `${text}: uploads are 507`)];
}
