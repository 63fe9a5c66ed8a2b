import { Semaphore } from '@glimpse/store';
import type { ComposedPage } from './list-documents.js';

/** Bytes from which a page is large. */
const LARGE_BYTES = 2 ** 20;
/** Milliseconds after a large page in which another one of the same project is expected. */
const EXPECTED_MS = 10_000;
/** The most large pages that are composed at a time. */
const MAX_LARGE = 2;
/** Milliseconds after which a list that waits is refused. */
const QUEUE_TIMEOUT_MS = 2_000;

export interface ListLimitOptions {
  /** How many connections the pool of the database has. */
  readonly poolSize: number;
  readonly queueTimeoutMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * Bounds how many lists are read and composed at a time. They have most of the pool, and those of one project at most
 * half of that: the rest is for single images and changes, and for other projects.
 *
 * A large page takes tens of milliseconds of the event loop and some twenty megabytes until it is sent. How large a page
 * is, is known only when it was composed; so those of a project are expected to be large for some time after a large
 * one, and are then composed one after another.
 */
export class ListLimit {
  readonly #lists: Semaphore;
  readonly #large: Semaphore;
  /** When each project last had a large page; the earliest come first. */
  readonly #largeAt = new Map<string, number>();
  readonly #now: () => number;

  constructor({
    poolSize,
    queueTimeoutMs = QUEUE_TIMEOUT_MS,
    now = () => performance.now(),
  }: ListLimitOptions) {
    const permits = Math.max(1, Math.floor((poolSize * 3) / 4));
    this.#lists = new Semaphore({ permits, permitsPerKey: Math.ceil(permits / 2), queueTimeoutMs });
    this.#large = new Semaphore({ permits: MAX_LARGE, permitsPerKey: 1, queueTimeoutMs });
    this.#now = now;
  }

  /**
   * Composes a page after waiting for other lists, and before that for the other large pages if it is expected to be
   * large, also where that becomes known while it waits.
   *
   * @throws {CatalogueBusy} it waited too long; and what `compose` throws
   */
  async run(project: string, compose: () => Promise<ComposedPage>): Promise<ComposedPage> {
    const composePage = async (): Promise<ComposedPage> => {
      const page = await compose();
      if (page.document.bytes.length >= LARGE_BYTES) this.#expect(project);
      return page;
    };
    const composeUnlessExpected = async (): Promise<ComposedPage | undefined> =>
      this.#isExpected(project) ? undefined : composePage();
    const page = this.#isExpected(project)
      ? undefined
      : await this.#lists.run(composeUnlessExpected, project);
    return page ?? this.#large.run(() => this.#lists.run(composePage, project), project);
  }

  #isExpected(project: string): boolean {
    for (const [earliest, largeAt] of this.#largeAt) {
      if (this.#now() - largeAt <= EXPECTED_MS) break;
      this.#largeAt.delete(earliest);
    }
    return this.#largeAt.has(project);
  }

  #expect(project: string): void {
    this.#largeAt.delete(project);
    this.#largeAt.set(project, this.#now());
  }
}
