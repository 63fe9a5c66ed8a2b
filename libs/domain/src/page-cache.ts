import type { Viewer } from './access.js';
import type { ReadOptions, Reading } from './image-reader.js';

/** A page of a list as it is sent. */
export interface PageDocument {
  /** UTF-8. As text it has one character per byte. A large page is binary: all responses with it share its bytes. */
  readonly bytes: string | Uint8Array;
  /** A strong validator: it changes exactly when the bytes do. */
  readonly tag: string;
}

/** Pages of lists that are cached in memory. */
export interface PageCache {
  /**
   * A page as {@link PageCache.page} would return it, but only if it is cached and fresh, or being composed anew.
   *
   * @param key what the page depends on besides the images: the request, and how the caller views images
   * @returns a promise while it is composed anew, which fails as composing does
   */
  cachedPage(key: string, viewer: Viewer): PageDocument | Promise<PageDocument> | undefined;

  /**
   * A page from the cache, or composed. Requests of one key share what is composed.
   *
   * @param compose reads the page for the viewer; it begins to read when it is called
   * @throws what `compose` throws, unless there is a copy
   */
  page(
    key: string,
    viewer: Viewer,
    compose: () => Promise<PageDocument>,
    options?: Pick<ReadOptions, 'fresh'>,
  ): Promise<Reading<PageDocument>>;
}
