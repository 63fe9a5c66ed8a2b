import {
  CatalogueBusy,
  CatalogueUnavailable,
  type ListAudience,
  type PageCache,
  type PageDocument,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { AudienceGenerations, basisOf, namesOf, type PageBasis } from './audience-generations.js';
import type { CacheOutcome } from './cached-image-reader.js';
import type { NotificationSource } from './change-notifications.js';
import { ageOf, confirmedSession, waitBriefly, type Sent } from './freshness.js';
import { RecentRequests } from './recent-requests.js';
import { SharedMemory } from './shared-memory.js';

/** The largest page that is cached. */
const MAX_PAGE_BYTES = 256 * 2 ** 10;
/** Estimated bytes of a cached page beyond its document and its key. */
const OVERHEAD_BYTES = 800;
/** The part of the cache that the pages of one project may have. */
const PROJECT_SHARE = 1 / 8;

export interface PageCacheOptions {
  /** The most bytes of pages that are cached. */
  readonly size: number;
  /** Seconds since a page was last known to be current, after which it is not served any more. */
  readonly staleLimit: number;
  /** Milliseconds of a monotonic clock, the one of the notifications. */
  readonly now?: () => number;
}

/** What decides whether the result of a query is current. */
interface Basis extends Sent {
  readonly generation: number;
  readonly basis: PageBasis;
}

interface CachedPage extends Basis {
  readonly document: PageDocument;
  /** When it was served last. */
  usedAt: number;
}

/** The query of a key that runs, and the one that requests share which it comes too early for. */
interface Lane {
  readonly running: Basis & { readonly document: Promise<PageDocument> };
  next?: Promise<PageDocument>;
}

/**
 * Caches pages of lists. A page is fresh if its query was sent while notifications were received, they have been
 * received ever since, and none was about lists of the page's viewer. Of each key one query runs at a time. A page
 * that was requested once in ten seconds is not cached.
 */
export class CachedPages implements PageCache {
  readonly #generations = new AudienceGenerations();
  readonly #pages: SharedMemory<CachedPage>;
  readonly #lanes = new Map<string, Lane>();
  readonly #requests: RecentRequests;
  readonly #now: () => number;
  readonly #staleLimit: number;

  /** How many requests had each outcome. */
  readonly outcomes: Record<CacheOutcome, number> = { hit: 0, miss: 0, shared: 0, bypass: 0, stale: 0 };

  constructor(
    private readonly notifications: NotificationSource,
    { size, staleLimit, now = () => performance.now() }: PageCacheOptions,
  ) {
    this.#pages = new SharedMemory(size, Math.floor(size * PROJECT_SHARE));
    this.#requests = new RecentRequests(now);
    this.#now = now;
    this.#staleLimit = staleLimit;
    notifications.subscribeToAudiences((changed) => this.#generations.raise(changed));
  }

  /** How many pages are cached. */
  get entries(): number {
    return this.#pages.size;
  }

  /** An estimate of the memory that they need. */
  get bytes(): number {
    return this.#pages.bytes;
  }

  /** Drops the pages that may have changed. */
  drop(audience: ListAudience): void {
    this.#generations.raise(namesOf(audience));
  }

  cachedPage(key: string): PageDocument | Promise<PageDocument> | undefined {
    const fresh = this.#fresh(key);
    // Without notifications the copy is served if the query takes long; what is too large to cache has none.
    if (fresh || !this.notifications.session || !this.#pages.peek(key)) return fresh;
    return this.#shared(key);
  }

  async page(
    key: string,
    viewer: Viewer,
    compose: () => Promise<PageDocument>,
    { fresh = false }: Pick<ReadOptions, 'fresh'> = {},
  ): Promise<Reading<PageDocument>> {
    const cached = fresh ? undefined : this.#fresh(key);
    if (cached) return { source: 'fresh', value: cached };
    try {
      const composed = fresh ? this.#bypass(compose) : this.#share(key, viewer, compose);
      const waits = this.notifications.session !== undefined || !this.#copy(key);
      return { source: 'fresh', value: await (waits ? composed : waitBriefly(composed)) };
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      if (fresh && error instanceof CatalogueBusy && this.notifications.session) throw error;
      return this.#stale(key, error);
    }
  }

  #fresh(key: string): PageDocument | undefined {
    const page = this.#pages.get(key);
    if (!page || !this.#isFresh(page)) return undefined;
    page.usedAt = this.#now();
    this.outcomes.hit++;
    return page.document;
  }

  #isFresh({ session, generation, basis }: Basis): boolean {
    const confirmed = confirmedSession(this.notifications.session, this.#now());
    return confirmed !== undefined && confirmed === session && this.#generations.isPresent(generation, basis);
  }

  #bypass(compose: () => Promise<PageDocument>): Promise<PageDocument> {
    this.outcomes.bypass++;
    return compose();
  }

  /**
   * The page of the running query of a key if its result would be fresh, else of the next one: a request never gets
   * what was read before a change that it may know of.
   */
  #shared(key: string): Promise<PageDocument> | undefined {
    const lane = this.#lanes.get(key);
    const document = lane?.next ?? (lane && this.#isFresh(lane.running) ? lane.running.document : undefined);
    if (!document) return undefined;
    this.#requests.add(key);
    this.outcomes.shared++;
    return document;
  }

  /** Queries a page that no query is shared for; no rate of changes costs more than one query of a key at a time. */
  #share(key: string, viewer: Viewer, compose: () => Promise<PageDocument>): Promise<PageDocument> {
    const shared = this.#shared(key);
    if (shared) return shared;
    this.#requests.add(key);
    const lane = this.#lanes.get(key);
    const query = (): Promise<PageDocument> => this.#query(key, viewer, compose);
    return lane ? (lane.next = lane.running.document.then(query, query)) : query();
  }

  #query(key: string, viewer: Viewer, compose: () => Promise<PageDocument>): Promise<PageDocument> {
    this.outcomes.miss++;
    const { session } = this.notifications;
    const [sentAt, generation, basis] = [this.#now(), this.#generations.present, basisOf(viewer)];
    const document = compose();
    const lane: Lane = { running: { sentAt, session, generation, basis, document } };
    this.#lanes.set(key, lane);
    const end = (): void => void (lane.next ?? this.#lanes.delete(key));
    document.then((composed) => {
      end();
      this.#keep(key, viewer, { sentAt, session, generation, basis, document: composed, usedAt: sentAt });
    }, end);
    return document;
  }

  #keep(key: string, viewer: Viewer, page: CachedPage): void {
    const { bytes } = page.document;
    if (bytes.length > MAX_PAGE_BYTES || !this.#generations.isPresent(page.generation, page.basis)) return;
    const former = this.#pages.peek(key);
    const isRepeated = this.#requests.isRepeated(key) || (former && this.#requests.isRecent(former.usedAt));
    if (!isRepeated) return;
    this.#pages.set(key, page, {
      owner: viewer.project ?? '',
      bytes: bytes.length + 2 * key.length + OVERHEAD_BYTES,
    });
  }

  /** A page that is not known to be outdated. */
  #copy(key: string): CachedPage | undefined {
    const page = this.#pages.peek(key);
    return page && this.#generations.isPresent(page.generation, page.basis) ? page : undefined;
  }

  #stale(key: string, error: CatalogueUnavailable): Reading<PageDocument> {
    const copy = this.#copy(key);
    const age = copy && ageOf(copy, this.#now());
    if (age === undefined || age >= this.#staleLimit) throw error;
    this.outcomes.stale++;
    return { source: 'copy', value: copy!.document, age };
  }
}
