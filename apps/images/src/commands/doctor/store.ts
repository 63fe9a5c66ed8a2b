import { randomUUID } from 'node:crypto';
import { CatalogueUnavailable, DataUnavailable, StoreFull } from '@glimpse/domain';
import type { ImageData } from '@glimpse/plugins';
import { openDatabase, orUnavailable } from '@glimpse/store';
import { WrongStore } from '../../access/data-errors.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { loadImageData } from '../../startup/data.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';

const SUBJECT = 'store';

const TEST_DATA = Buffer.from('glimpse doctor');

/** What the database says of its store. */
interface Known {
  /** The marker that the store must have; null: it has none yet. */
  readonly id: string | null;
  /** Whether the catalogue has objects. */
  readonly used: boolean;
}

/** Tests whether the store of image data is that of the catalogue, and writes, reads and deletes an object. */
export async function examineStore(settings: EffectiveSettings): Promise<Finding[]> {
  let fault: string | undefined;
  const data = await loadImageData(settings, (reason) => (fault = reason));
  if (!data) return [skipped(SUBJECT, 'no image data is stored here: data.use is not set')];
  try {
    const marker = await data.readMarker();
    const known = await readKnown(settings);
    if (known && (marker === undefined ? known.used : marker !== known.id)) {
      return [failed(SUBJECT, `${new WrongStore().message} Compare its catalogue-id: docs/operators.md`)];
    }
    await tryObject(data);
    return [ok(SUBJECT, 'an object was written, read and deleted'), ...(await examineSpace(data))];
  } catch (error) {
    if (error instanceof StoreFull) return [failed(SUBJECT, `${error.message} Enlarge it`)];
    if (!(error instanceof DataUnavailable)) throw error;
    const cause = fault ?? (error.cause as Error | undefined)?.message;
    return [failed(SUBJECT, `${error.message} ${cause ?? ''}; check GLIMPSE_DATA_OPTIONS_…`)];
  }
}

/** Undefined where it is not known; what is wrong with the database is a finding of its own. */
async function readKnown({ database: { url, pooler } }: EffectiveSettings): Promise<Known | undefined> {
  if (!url) return undefined;
  const database = openDatabase({ url, pooler, poolSize: 1 });
  // Without a handler, an error of an idle connection would end the process.
  database.pool.on('error', () => undefined);
  const text = 'SELECT (SELECT id FROM catalogue_id) AS id, EXISTS (SELECT FROM image_objects) AS used';
  try {
    const { rows } = await orUnavailable(() => database.pool.query<Known>(text));
    return rows[0]!;
  } catch (error) {
    if (!(error instanceof CatalogueUnavailable)) throw error;
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

async function examineSpace(data: ImageData): Promise<Finding[]> {
  const free = await data.freeBytes?.();
  if (free === undefined) return [];
  const text = `${Math.floor(free / 2 ** 20)} MiB are free beyond the reserve`;
  return [free > 0 ? ok('space', text) : warning('space', `${text}: uploads are 507`)];
}
