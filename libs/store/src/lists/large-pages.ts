import { Semaphore } from '../semaphore.js';

/** Bytes from which a page is large. */
const LARGE_BYTES = 2 ** 20;
/** Milliseconds after a large page in which another one of the same project is expected. */
const EXPECTED_MS = 10_000;
/** The most large pages that are read at a time. */
const MAX_READ = 2;

/**
 * Bounds how many large pages are read at a time: each takes tens of milliseconds of the event loop and some twenty
 * megabytes while it is composed. How large a page is, is known only when it was read; so those of a project are
 * expected to be large for some time after a large one, and are then read one after another.
 */
export class LargePages {
  readonly #running: Semaphore;
  /** When each project last read a large page; the earliest come first. */
  readonly #readAt = new Map<string, number>();

  /** @param now milliseconds of a monotonic clock */
  constructor(
    queueTimeoutMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#running = new Semaphore({ permits: MAX_READ, permitsPerKey: 1, queueTimeoutMs });
  }

  /**
   * Reads a page after waiting for a permit of `lists`, and before that for the other large pages if it is expected to
   * be large: also where that is known only when it has its permit.
   *
   * @param lists bounds lists of any size
   * @param read returns the page, and its bytes
   * @throws {CatalogueBusy} it waited too long
   */
  async run<Page extends object>(
    project: string,
    lists: Semaphore,
    read: () => Promise<readonly [Page, bytes: number]>,
  ): Promise<Page> {
    const readPage = async (): Promise<Page> => {
      const [page, bytes] = await read();
      if (bytes >= LARGE_BYTES) this.#expect(project);
      return page;
    };
    const readUnlessExpected = async (): Promise<Page | undefined> =>
      this.#isExpected(project) ? undefined : readPage();
    const page = this.#isExpected(project) ? undefined : await lists.run(readUnlessExpected, project);
    return page ?? this.#running.run(() => lists.run(readPage, project), project);
  }

  #isExpected(project: string): boolean {
    for (const [earliest, readAt] of this.#readAt) {
      if (this.now() - readAt <= EXPECTED_MS) break;
      this.#readAt.delete(earliest);
    }
    return this.#readAt.has(project);
  }

  #expect(project: string): void {
    this.#readAt.delete(project);
    this.#readAt.set(project, this.now());
  }
}
