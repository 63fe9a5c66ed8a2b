import { CatalogueUnavailable, DataUnavailable, DomainError, StoreFull } from '@glimpse/domain';
import { MalformedRequest, RequestTimeout } from '../http/errors.js';
import type { DataMetrics, TransferOutcome } from '../telemetry/data-metrics.js';
import { UploadCutOff, UploadGone, WrongStore } from './data-errors.js';
import { observed } from './passing-bytes.js';

/** The errors of the outcomes that are not a refusal. */
const CAUSES: readonly [TransferOutcome, readonly (new (...args: never[]) => Error)[]][] = [
  ['aborted', [MalformedRequest, RequestTimeout]],
  ['cut-off', [UploadCutOff]],
  ['gone', [UploadGone]],
  ['full', [StoreFull]],
  ['failed', [DataUnavailable, WrongStore, CatalogueUnavailable]],
];

type Bytes = AsyncIterable<Uint8Array>;

/** Measures the transfers of image data, from the request that was accepted to the last byte. */
export class Transfers {
  constructor(private readonly metrics: Pick<DataMetrics, 'begin'>) {}

  /**
   * Runs an upload.
   *
   * @param run gets a function that counts the bytes which pass through it
   */
  async upload(image: string, run: (counted: (bytes: Bytes) => Bytes) => Promise<void>): Promise<void> {
    const transfer = this.metrics.begin('upload', image);
    const ignore = (): void => undefined;
    const passing = { passed: transfer.passed, complete: ignore, failed: ignore, stopped: ignore };
    try {
      await run((bytes) => observed(bytes, passing));
      transfer.end('complete');
    } catch (error) {
      transfer.end(outcomeOf(error));
      throw error;
    }
  }

  /** Opens a download, which ends with its bytes. */
  async download(image: string, open: () => Promise<Bytes>): Promise<Bytes> {
    const transfer = this.metrics.begin('download', image);
    const failed = (error: unknown): void => transfer.end(outcomeOf(error));
    try {
      return observed(await open(), {
        passed: transfer.passed,
        complete: () => transfer.end('complete'),
        failed,
        stopped: () => transfer.end('aborted'),
      });
    } catch (error) {
      failed(error);
      throw error;
    }
  }
}

/** How a transfer ended that threw. */
function outcomeOf(error: unknown): TransferOutcome {
  for (const [outcome, causes] of CAUSES) {
    if (causes.some((cause) => error instanceof cause)) return outcome;
  }
  return error instanceof DomainError ? 'refused' : 'failed';
}
