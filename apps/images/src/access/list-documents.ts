import type { Identity, PageCache, PageDocument, ReadOptions, Reading } from '@glimpse/domain';
import type { ImageAccess } from './image-access.js';
import type { ListLimit } from './list-limit.js';

/** A page of a list, composed for one request. */
export interface ComposedPage {
  readonly document: PageDocument;
  /** Seconds since its images were known to be current; undefined while they are fresh. */
  readonly age: number | undefined;
}

/** Pages of lists as callers may see them, from memory where the same page was composed before. */
export class ListDocuments {
  /** Left out: nothing is cached. */
  readonly #pages: PageCache | undefined;

  constructor(
    private readonly access: ImageAccess,
    private readonly limit: ListLimit,
  ) {
    this.#pages = access.pages;
  }

  /**
   * A page, only if it is cached and fresh, or being composed for another request.
   *
   * @param address what the page depends on by the request alone: API, path, query, and the base of its links
   */
  cached(address: string, caller: Identity): ReturnType<PageCache['cachedPage']> {
    const { listKey, viewer } = this.access.permissionsOf(caller);
    return listKey === undefined ? undefined : this.#pages?.cachedPage(listKey + address, viewer);
  }

  /**
   * A page from the cache, or composed; during an outage a cached one that is stale. Where a policy rule checks each
   * image, no page is cached.
   *
   * @param compose reads the page with this caller's access
   * @throws what `compose` throws
   */
  async read(
    address: string,
    caller: Identity,
    compose: () => Promise<ComposedPage>,
    options: ReadOptions,
  ): Promise<Reading<PageDocument>> {
    const { listKey, viewer } = this.access.permissionsOf(caller);
    const composeInTurn = (): Promise<ComposedPage> => this.limit.run(viewer.project ?? '', compose);
    if (this.#pages && listKey !== undefined) {
      const read = async (): Promise<PageDocument> => (await composeInTurn()).document;
      return this.#pages.page(listKey + address, viewer, read, options);
    }
    const { document: value, age } = await composeInTurn();
    return age === undefined ? { source: 'fresh', value } : { source: 'copy', value, age };
  }
}
