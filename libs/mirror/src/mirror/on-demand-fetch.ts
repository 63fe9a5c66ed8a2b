import {
  CatalogueUnavailable,
  DomainError,
  ImageNotFound,
  SourceUnavailable,
  type Ticket,
} from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import { applyImage, type ApplyParts } from './apply-image.js';
import { imageByAnyCase } from './shown-id.js';

/** How long the id of an image that the source does not have is remembered. */
const MISSING_FOR_MS = 1_000;
const MAX_MISSING = 10_000;
/** For how long the source counts as showing every image after it was checked. */
const VISIBILITY_CHECK_INTERVAL_MS = 5_000;

/** As many fetches run as may run at a time, or as one project may have. */
class TooManyFetches extends CatalogueUnavailable {}

export interface OnDemandFetchOptions extends ApplyParts {
  /** How many run at a time; one project has at most a quarter of them. */
  readonly concurrency: number;
  /** Whether the catalogue has an image. */
  readonly has: (id: string) => Promise<boolean>;
}

/**
 * Fetches images that the mirror does not have from its source. The caller makes no difference to the request or its
 * result: images are fetched by id, with the service's own credentials.
 */
export class OnDemandFetch {
  readonly #missing = new LRUCache<string, true>({ max: MAX_MISSING, ttl: MISSING_FOR_MS });
  readonly #running = new Map<string, Promise<void>>();
  readonly #byProject = new Map<string | null, number>();
  #count = 0;
  #visibility?: { readonly checkedAt: number; readonly missing: Promise<string | undefined> } | undefined;

  constructor(private readonly options: OnDemandFetchOptions) {}

  /**
   * Fetches and applies an image.
   *
   * @param project that of the caller
   * @param fresh sends a request of its own instead of sharing one that runs
   * @throws {ImageNotFound} the source does not have it
   * @throws {CatalogueUnavailable} the source is unavailable, or too many fetches run
   */
  async run(id: string, project: string | null, fresh: boolean): Promise<void> {
    return this.#share(id, id, project, fresh, () => this.#fetch(id));
  }

  /**
   * Does for an image that the caller may not see what {@link run} does for one that does not exist, so that the time
   * of a 404 does not distinguish the two. Both cost one request to the source, and none within a second of the last.
   *
   * @throws {ImageNotFound} always, unless as {@link run} throws
   */
  async runForHidden(id: string, project: string | null): Promise<void> {
    return this.#share(id, `hidden ${id}`, project, false, () => this.#fetchHidden(id));
  }

  /** Shares a remembered 404 or a fetch that runs, unless a fresh one is requested. */
  async #share(
    id: string,
    key: string,
    project: string | null,
    fresh: boolean,
    fetch: () => Promise<void>,
  ): Promise<void> {
    const { observe } = this.options;
    if (!fresh) {
      if (this.#missing.has(id)) {
        observe('source-image-fetched', { outcome: 'remembered' });
        throw new ImageNotFound(id);
      }
      const running = this.#running.get(key);
      if (running) return running;
    }
    const leave = this.#enter(project);
    const fetching = fetch().finally(() => {
      leave();
      if (this.#running.get(key) === fetching) this.#running.delete(key);
    });
    this.#running.set(key, fetching);
    return fetching;
  }

  #enter(project: string | null): () => void {
    const { concurrency, observe } = this.options;
    const own = this.#byProject.get(project) ?? 0;
    if (this.#count >= concurrency || own >= Math.max(1, Math.floor(concurrency / 4))) {
      observe('source-image-fetched', { outcome: 'refused' });
      throw new TooManyFetches();
    }
    this.#count++;
    this.#byProject.set(project, own + 1);
    return () => {
      this.#count--;
      const left = this.#byProject.get(project)! - 1;
      if (left === 0) this.#byProject.delete(project);
      else this.#byProject.set(project, left);
    };
  }

  async #fetch(id: string): Promise<void> {
    const { observe } = this.options;
    try {
      const outcome = await applyImage(this.options, id);
      const found = outcome === 'applied' || !(await this.#confirmMissing(id, outcome.missing));
      observe('source-image-fetched', { outcome: found ? 'found' : 'missing' });
      if (found) return;
    } catch (error) {
      observe('source-image-fetched', { outcome: 'failed' });
      throw error;
    }
    this.#missing.set(id, true);
    throw new ImageNotFound(id);
  }

  async #fetchHidden(id: string): Promise<void> {
    const { mirror, observe, has } = this.options;
    try {
      const ticket = await mirror.draw();
      const exists = await imageByAnyCase(this.options, id).then(Boolean, (error: unknown) => {
        if (error instanceof CatalogueUnavailable || !(error instanceof DomainError)) throw error;
        return true;
      });
      if (!exists) await this.#confirmMissing(id, ticket);
      else {
        await has(id);
        const missingAccess = await this.#missingReadAccess();
        if (missingAccess !== undefined) throw new SourceUnavailable(missingAccess);
      }
      observe('source-image-fetched', { outcome: 'missing' });
    } catch (error) {
      observe('source-image-fetched', { outcome: 'failed' });
      throw error;
    }
    this.#missing.set(id, true);
    throw new ImageNotFound(id);
  }

  /**
   * Removes an image that the source no longer has, for all callers.
   *
   * @returns whether it is missing: the source may answer as before a change that the mirror shows
   * @throws {SourceUnavailable} the source does not show this service everything, so the image may exist
   */
  async #confirmMissing(id: string, ticket: Ticket): Promise<boolean> {
    const { mirror, observe, source, has } = this.options;
    const isHere = await has(id);
    // A removal needs a check now; for other ids a recent one is enough.
    const missingAccess = await (isHere ? source.missingReadAccess() : this.#missingReadAccess());
    if (missingAccess !== undefined) {
      this.#visibility = undefined;
      throw new SourceUnavailable(missingAccess);
    }
    if (!isHere) return true;
    const { length: count } = await mirror.remove([id], ticket);
    if (count > 0) observe('source-followed', { kind: 'removed', count });
    return count > 0 || !(await has(id));
  }

  #missingReadAccess(): Promise<string | undefined> {
    const now = performance.now();
    if (!this.#visibility || now - this.#visibility.checkedAt > VISIBILITY_CHECK_INTERVAL_MS) {
      this.#visibility = { checkedAt: now, missing: this.options.source.missingReadAccess() };
      // A check that failed is not remembered.
      this.#visibility.missing.catch(() => (this.#visibility = undefined));
    }
    return this.#visibility.missing;
  }
}
