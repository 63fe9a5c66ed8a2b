import { CatalogueUnavailable, DataUnavailable, StoreFull } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import { MalformedRequest } from '../http/errors.js';
import type { Direction, TransferOutcome } from '../telemetry/data-metrics.js';
import { UnsafeData, UploadCutOff, UploadGone, WrongStore } from './data-errors.js';
import { Transfers } from './transfers.js';

/** Transfers, and what they have counted. */
function measured(): { transfers: Transfers; seen: unknown[] } {
  const seen: unknown[] = [];
  const begin = (direction: Direction, image: string): ReturnType<Metrics['begin']> => {
    let bytes = 0;
    return {
      passed: (count) => (bytes += count),
      end: (outcome: TransferOutcome) => seen.push([direction, image, bytes, outcome]),
    };
  };
  return { transfers: new Transfers({ begin }), seen };
}
type Metrics = ConstructorParameters<typeof Transfers>[0];

async function* bytes(error?: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from('image');
  yield Buffer.from(' data');
  if (error) throw error;
}

async function drain(data: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of data);
}

describe('an upload', () => {
  it('is measured until it is complete', async () => {
    const { transfers, seen } = measured();
    await transfers.upload('one', (counted) => drain(counted(bytes())));
    expect(seen).toEqual([['upload', 'one', 10, 'complete']]);
  });

  it.each<{ outcome: TransferOutcome; error: Error }>([
    { outcome: 'aborted', error: new MalformedRequest('The request body is incomplete.') },
    { outcome: 'cut-off', error: new UploadCutOff() },
    { outcome: 'gone', error: new UploadGone('one') },
    { outcome: 'refused', error: new UnsafeData('qcow2', 'it has a backing file') },
    { outcome: 'full', error: new StoreFull() },
    { outcome: 'failed', error: new DataUnavailable() },
    { outcome: 'failed', error: new WrongStore() },
    { outcome: 'failed', error: new CatalogueUnavailable() },
    { outcome: 'failed', error: new TypeError('a bug') },
  ])('is $outcome after $error.name, which its caller gets', async ({ outcome, error }) => {
    const { transfers, seen } = measured();
    const upload = transfers.upload('one', (counted) => drain(counted(bytes(error))));
    await expect(upload).rejects.toBe(error);
    expect(seen).toEqual([['upload', 'one', 10, outcome]]);
  });
});

describe('a download', () => {
  it('is measured until its last byte was read', async () => {
    const { transfers, seen } = measured();
    const data = await transfers.download('one', async () => bytes());
    expect(seen).toEqual([]);
    await drain(data);
    expect(seen).toEqual([['download', 'one', 10, 'complete']]);
  });

  it('is aborted where its reader stops, even before the first byte', async () => {
    const { transfers, seen } = measured();
    for await (const _ of await transfers.download('one', async () => bytes())) break;
    const unread = await transfers.download('two', async () => bytes());
    await unread[Symbol.asyncIterator]().return?.();
    expect(seen).toEqual([
      ['download', 'one', 5, 'aborted'],
      ['download', 'two', 0, 'aborted'],
    ]);
  });

  it('is failed where its data cannot be opened, or not be read to its end', async () => {
    const { transfers, seen } = measured();
    const closed = transfers.download('one', () => Promise.reject(new DataUnavailable()));
    await expect(closed).rejects.toThrow(DataUnavailable);
    const broken = await transfers.download('two', async () => bytes(new DataUnavailable()));
    await expect(drain(broken)).rejects.toThrow(DataUnavailable);
    expect(seen).toEqual([
      ['download', 'one', 0, 'failed'],
      ['download', 'two', 10, 'failed'],
    ]);
  });
});
