import { SOURCE_DOCUMENTS, SourceUnavailable, type SourceDocumentName } from '@glimpse/domain';
import type { SyncContext } from './sync-context.js';

/** From one reading of all documents to the next. */
export const DOCUMENT_INTERVAL_MS = 60_000;
/** The same after one of them could not be read. */
export const DOCUMENT_RETRY_INTERVAL_MS = 5_000;

/** Reads the documents in which a source describes its API, and reports each reason for which one cannot be read once. */
export class SourceDocumentSync {
  readonly #reasons = new Map<SourceDocumentName, string>();

  constructor(private readonly context: SyncContext) {}

  /** @returns whether all were read */
  async run(): Promise<boolean> {
    const { source, signal } = this.context;
    if (!source.document) return true;
    for (const name of SOURCE_DOCUMENTS) {
      if (signal.aborted) break;
      await this.#read(name);
    }
    return this.#reasons.size === 0;
  }

  async #read(name: SourceDocumentName): Promise<void> {
    const { source, mirror, observe, signal } = this.context;
    try {
      const ticket = await mirror.draw();
      await mirror.applyFact(name, await source.document!(name, signal), ticket);
      this.#reasons.delete(name);
    } catch (error) {
      // The images are read on, and the document as it was remains.
      if (!(error instanceof SourceUnavailable) || signal.aborted) throw error;
      if (this.#reasons.get(name) !== error.reason) {
        observe('source-document-unread', { name, reason: error.reason });
      }
      this.#reasons.set(name, error.reason);
    }
  }
}
