import { SourceUnavailable, type SourcePlace } from '@glimpse/domain';

/**
 * Checks that the pages of a list advance, so that reading them ends. Places are ordered by their second of creation;
 * within one second a source may order by more than it shows, so only a repeated place is an error.
 */
export class PageProgress {
  #second = -Infinity;
  readonly #ids = new Set<string>();

  /** @throws {SourceUnavailable} a page leads back to one before */
  advance({ id, createdAt }: SourcePlace): void {
    const second = Math.floor(createdAt.getTime() / 1000);
    if (second < this.#second || (second === this.#second && this.#ids.has(id))) {
      throw new SourceUnavailable('its list of images does not advance: a page leads back to one before');
    }
    if (second > this.#second) this.#ids.clear();
    this.#second = second;
    this.#ids.add(id);
  }
}

/** Reads a list page by page. @throws {SourceUnavailable} */
export async function* pagesOf<Page extends { readonly next: SourcePlace | undefined }>(
  read: (after: SourcePlace | undefined) => Promise<Page>,
): AsyncGenerator<Page, void> {
  const progress = new PageProgress();
  let after: SourcePlace | undefined;
  do {
    const page = await read(after);
    if (page.next) progress.advance(page.next);
    yield page;
    after = page.next;
  } while (after);
}
