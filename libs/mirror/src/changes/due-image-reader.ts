import { setTimeout as sleep } from 'node:timers/promises';
import {
  ImageNotFound,
  UNRESTRICTED_VIEWER,
  canSee,
  type Image,
  type ImageReader,
  type ReadOptions,
  type Reading,
  type Viewer,
  SharedRuns,
} from '@glimpse/domain';
import type { DueChanges } from './due-changes.js';

/** How long a list waits for the images that are due. */
const LIST_WAIT_MS = 1_000;
/** How many of them one list fetches at most. */
const MAX_LISTED = 20;

/** An attempt of a list to fetch an image. */
interface Attempt {
  readonly beganAt: number;
  failed: boolean;
  readonly ended: Promise<void>;
}

/**
 * Reads images whose changes at the source the mirror may not show yet: such an image is fetched first, by one request
 * at a time for all callers.
 */
export class DueImageReader {
  readonly #fetches = new SharedRuns<void>();
  readonly #attempts = new Map<string, Attempt>();

  /**
   * @param fetching fetches an image from the source and applies it, where a fresh read is requested
   * @param now milliseconds of a monotonic clock, the one of the changes
   */
  constructor(
    private readonly due: DueChanges,
    private readonly fetching: ImageReader,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether an image must be read here. */
  has(id: string): boolean {
    return this.due.has(id);
  }

  /**
   * Fetches and reads an image.
   *
   * @throws {ImageNotFound} {CatalogueUnavailable} the source is unavailable: what the mirror has may be out of date
   */
  async image(
    id: string,
    viewer: Viewer,
    { project = viewer.project }: ReadOptions = {},
  ): Promise<Reading<Image>> {
    await this.#fetch(id.toLowerCase(), project);
    const reading = await this.fetching.image(id, UNRESTRICTED_VIEWER);
    if (!canSee(reading.value, viewer)) throw new ImageNotFound(id);
    return reading;
  }

  /** Whether a viewer's lists may have images that must be read here. */
  hasListed(viewer: Viewer): boolean {
    return this.due.listedFor(viewer).length > 0;
  }

  /** Fetches the images that a viewer's lists may have, each once, and waits a second for them at most. */
  async beforeList(viewer: Viewer): Promise<void> {
    const ids = this.due.listedFor(viewer);
    for (const id of this.#attempts.keys()) if (!this.due.has(id)) this.#attempts.delete(id);
    if (ids.length === 0) return;
    const attempts = ids.slice(0, MAX_LISTED).map((id) => this.#attempt(id, viewer.project).ended);
    await Promise.race([Promise.all(attempts), sleep(LIST_WAIT_MS, undefined, { ref: false })]);
  }

  /** The last attempt to fetch an image, or another one where that failed a while ago or began too early. */
  #attempt(id: string, project: string | null): Attempt {
    const last = this.#attempts.get(id);
    const now = this.now();
    if (
      last &&
      last.beganAt >= (this.due.since(id) ?? now) &&
      (!last.failed || now - last.beganAt < LIST_WAIT_MS)
    ) {
      return last;
    }
    const fetched = this.#fetch(id, project);
    const attempt: Attempt = {
      beganAt: now,
      failed: false,
      ended: fetched.catch((error: unknown) => {
        attempt.failed = !(error instanceof ImageNotFound);
      }),
    };
    this.#attempts.set(id, attempt);
    return attempt;
  }

  #fetch(id: string, project: string | null): Promise<void> {
    return this.#fetches.run(id, async () => {
      await this.fetching.image(id, UNRESTRICTED_VIEWER, { fresh: true, project });
    });
  }
}
