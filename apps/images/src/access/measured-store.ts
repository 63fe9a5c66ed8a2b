import { DataUnavailable, StoreFull } from '@glimpse/domain';
import type { ByteRange, ImageData, ListedObject } from '@glimpse/plugins';
import type { DataMetrics, OperationOutcome, StoreOperation } from '../telemetry/data-metrics.js';
import { observed } from './passing-bytes.js';

/** Measures the operations of a store: how each ended, and how long the store needed, apart from its clients. */
export class MeasuredStore implements ImageData {
  constructor(
    private readonly data: ImageData,
    private readonly metrics: Pick<DataMetrics, 'operationEnded'>,
    private readonly name: string,
  ) {}

  get maxUploads(): number | undefined {
    return this.data.maxUploads;
  }

  async write(key: string, bytes: AsyncIterable<Uint8Array>, length?: number): Promise<void> {
    let waitedMs = 0;
    const counted = observed(bytes, {
      passed: (_, ms) => void (waitedMs += ms),
      complete: (ms) => void (waitedMs += ms),
      failed: () => undefined,
      stopped: () => undefined,
    });
    await this.#measured('write', this.data.write(key, counted, length), () => waitedMs);
  }

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const from = performance.now();
    try {
      const bytes = await this.data.read(key, range);
      let spentMs = performance.now() - from;
      const end = (outcome: OperationOutcome): void =>
        this.metrics.operationEnded(this.name, 'read', outcome, spentMs / 1000);
      return observed(bytes, {
        passed: (_, ms) => void (spentMs += ms),
        complete: () => end('done'),
        failed: (error) => end(outcomeOf(error)),
        stopped: () => end('aborted'),
      });
    } catch (error) {
      this.metrics.operationEnded(this.name, 'read', outcomeOf(error), (performance.now() - from) / 1000);
      throw error;
    }
  }

  delete(key: string): Promise<void> {
    return this.#measured('delete', this.data.delete(key));
  }

  list(): AsyncIterable<ListedObject> {
    return this.data.list();
  }

  async freeBytes(): Promise<number> {
    return (await this.data.freeBytes?.()) ?? NaN;
  }

  readMarker(): Promise<string | undefined> {
    return this.#measured('marker', this.data.readMarker());
  }

  writeMarker(text: string): Promise<void> {
    return this.#measured('marker', this.data.writeMarker(text));
  }

  async #measured<T>(operation: StoreOperation, run: Promise<T>, waitedMs = () => 0): Promise<T> {
    const from = performance.now();
    const end = (outcome: OperationOutcome): void =>
      this.metrics.operationEnded(
        this.name,
        operation,
        outcome,
        (performance.now() - from - waitedMs()) / 1000,
      );
    try {
      const result = await run;
      end('done');
      return result;
    } catch (error) {
      end(outcomeOf(error));
      throw error;
    }
  }
}

/** How an operation ended that threw. What the store itself did not throw came with the bytes. */
function outcomeOf(error: unknown): OperationOutcome {
  if (error instanceof StoreFull) return 'full';
  return error instanceof DataUnavailable ? 'unavailable' : 'aborted';
}
