import {
  CatalogueUnavailable,
  type Mirror,
  type SourceDocument,
  type SourceDocumentName,
  type SourceFacts,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';

/** For how long documents are served without reading the mirror again. */
const FRESH_FOR_MS = 5_000;
/** For how long a failed fetch from the source is not repeated. */
const FETCH_PAUSE_MS = 1_000;

/**
 * The documents in which a source describes its API, out of its mirror. The follower keeps them current; one that it
 * has not read yet is fetched. Requests share each read and each fetch. While the mirror is unavailable, documents are
 * served as they were read last.
 */
export class MirroredDocuments {
  #facts: SourceFacts = new Map();
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  readonly #fetches = new Map<SourceDocumentName, Promise<SourceDocument>>();

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly source: Required<Pick<ImageSource, 'document'>>,
    private readonly mirror: Pick<Mirror, 'facts' | 'draw' | 'applyFact'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws {SourceUnavailable} {CatalogueUnavailable} it was never read, and cannot be read now */
  async read(name: SourceDocumentName): Promise<SourceDocument> {
    if (this.now() > this.#readAt + FRESH_FOR_MS) {
      await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
    }
    const known = this.#facts.get(name);
    return known === undefined ? this.#fetch(name) : (known as SourceDocument);
  }

  async #read(): Promise<void> {
    try {
      this.#facts = await this.mirror.facts();
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable) || this.#facts.size === 0) throw error;
      // Only one request in a while waits for a mirror that is unavailable.
    }
    this.#readAt = this.now();
  }

  #fetch(name: SourceDocumentName): Promise<SourceDocument> {
    const running = this.#fetches.get(name);
    if (running) return running;
    const fetched = this.#fetchNow(name);
    this.#fetches.set(name, fetched);
    fetched.then(
      () => this.#fetches.delete(name),
      () => setTimeout(() => this.#fetches.delete(name), FETCH_PAUSE_MS).unref(),
    );
    return fetched;
  }

  async #fetchNow(name: SourceDocumentName): Promise<SourceDocument> {
    const ticket = await this.mirror.draw();
    const document = await this.source.document(name);
    await this.mirror.applyFact(name, document, ticket);
    this.#facts = new Map(this.#facts).set(name, document);
    return document;
  }
}
