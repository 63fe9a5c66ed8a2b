import {
  SourceUnavailable,
  type Catalogue,
  type Image,
  type ImageCache,
  type ImageCriteria,
  type ImageLister,
  type ImageName,
  type ImagePage,
  type ImageReader,
  type PageCache,
  type PageDocument,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { SyncStatusReader } from './sync-status-reader.js';

/**
 * Reads a mirror for an API that shows every attribute. After an upgrade a mirror lacks the attributes that its
 * former release did not have: until a full sync has filled them there are no lists, and an image whose attributes
 * are not current is fetched from the source. Other APIs go on with the catalogue behind this one.
 *
 * @example
 * const filled = new AllAttributesCatalogue(catalogue, syncStatus);
 * const { value } = await filled.image(id, viewer); // value.attributesCurrent is true
 */
export class AllAttributesCatalogue implements ImageReader, ImageLister, ImageCache, PageCache {
  constructor(
    private readonly catalogue: Pick<Catalogue, 'reader' | 'lister' | 'cache' | 'pages'>,
    private readonly syncStatus: Pick<SyncStatusReader, 'known' | 'read'>,
  ) {}

  /**
   * Whether lists have all attributes: a full sync has filled them, and no follower of a release before has
   * followed since.
   *
   * @throws {CatalogueUnavailable}
   */
  async attributesFilled(): Promise<boolean> {
    return (await this.syncStatus.read()).attributesFilled;
  }

  /** @throws {SourceUnavailable} the attributes are not current, and the image cannot be fetched */
  async image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    const { reader } = this.catalogue;
    const reading = await reader.image(id, viewer, options);
    if (reading.value.attributesCurrent) return reading;
    const fetched = await reader.image(id, viewer, { ...options, fresh: true });
    if (!fetched.value.attributesCurrent) throw new SourceUnavailable(`it does not show the image ${id} now`);
    return fetched;
  }

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    await this.#requireFilled();
    return this.catalogue.lister.images(criteria, viewer);
  }

  async imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    await this.#requireFilled();
    return this.catalogue.lister.imageNames(criteria, viewer);
  }

  cached(id: string, viewer: Viewer): Image | undefined {
    const image = this.catalogue.cache?.cached(id, viewer);
    return image?.attributesCurrent ? image : undefined;
  }

  cachedPage(key: string, viewer: Viewer): ReturnType<PageCache['cachedPage']> {
    return this.syncStatus.known?.attributesFilled
      ? this.catalogue.pages?.cachedPage(key, viewer)
      : undefined;
  }

  async page(...request: Parameters<PageCache['page']>): Promise<Reading<PageDocument>> {
    await this.#requireFilled();
    return this.catalogue.pages!.page(...request);
  }

  accountBytes(image: Image, bytes: number): void {
    this.catalogue.cache?.accountBytes(image, bytes);
  }

  async #requireFilled(): Promise<void> {
    if (!(await this.attributesFilled())) {
      throw new SourceUnavailable('the attributes of its images are still being read');
    }
  }
}
