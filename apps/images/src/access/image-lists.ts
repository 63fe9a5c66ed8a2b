import type {
  Catalogue,
  Identity,
  Image,
  ImageCriteria,
  ImageName,
  ImagePage,
  Reading,
} from '@glimpse/domain';
import type { CallerPermissions, Permissions } from './permissions.js';

/** The most images that a policy rule checks for one page. */
const MAX_CHECKED = 10_000;
/** How many images are read at a time where a policy rule checks each of them, whatever the client's limit. */
const BATCH_SIZE = 200;
/** How long batches are read for one page; then the page ends early. */
const MAX_READ_MS = 2_000;
/** The most characters of properties that a page composed of batches holds in memory. */
const MAX_PAGE_CHARACTERS = 4 * 2 ** 20;

/**
 * A page of a list, and the marker that the next one begins after, if there may be a next one: an id as its source
 * writes it.
 */
export interface Page<T extends ImageName = Image> {
  readonly images: readonly T[];
  readonly next: string | undefined;
  /** Seconds since the page's source was known to be current; undefined while it is fresh. */
  readonly age: number | undefined;
}

/** Lists of the images that a caller may read. */
export class ImageLists {
  constructor(
    private readonly catalogue: Pick<Catalogue, 'lister'>,
    private readonly permissions: Permissions,
    /** Milliseconds of a monotonic clock. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Reads a page of a list. Where the rule `get_image` depends on the image, each image is checked and batches are read
   * until the page is full; beyond the bounds on time and images the page ends early, with a marker for the next one.
   *
   * @throws {MarkerNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  page(criteria: ImageCriteria, caller: Identity): Promise<Page> {
    return this.#pageAs(caller, criteria, async (permissions) => {
      const reading = await this.catalogue.lister.images(criteria, permissions.viewer);
      const images = reading.value.images.map((image) => permissions.readable(image));
      return { ...reading, value: { ...reading.value, images } };
    });
  }

  /**
   * Reads the same page, but only the name of each image, unless a rule depends on the image.
   *
   * @throws as {@link page}
   */
  namesPage(criteria: ImageCriteria, caller: Identity): Promise<Page<ImageName>> {
    return this.#pageAs<ImageName>(caller, criteria, ({ viewer }) =>
      this.catalogue.lister.imageNames(criteria, viewer),
    );
  }

  async #pageAs<T extends ImageName>(
    caller: Identity,
    criteria: ImageCriteria,
    read: (permissions: CallerPermissions) => Promise<Reading<ImagePage<T>>>,
  ): Promise<Page<T | Image>> {
    const permissions = this.permissions.of(caller);
    permissions.enforceList();
    const { view, mayReadListed: mayRead } = permissions;
    const hidden = view && Object.keys(criteria.properties ?? {}).some((name) => !view.may('read', name));
    if (mayRead === false || hidden) return { images: [], next: undefined, age: undefined };
    if (mayRead === undefined && criteria.limit > 0) return this.#checkedPage(criteria, permissions);
    const reading = await read(permissions);
    const { images, truncated } = reading.value;
    const next = truncated || images.length === criteria.limit ? images.at(-1)?.shownId : undefined;
    return { images, next, age: reading.source === 'copy' ? reading.age : undefined };
  }

  async #checkedPage(criteria: ImageCriteria, permissions: CallerPermissions): Promise<Page> {
    const end = this.now() + MAX_READ_MS;
    const images: Image[] = [];
    let { marker } = criteria;
    let next: string | undefined;
    let age: number | undefined;
    let characters = 0;
    for (let checked = 0; checked < MAX_CHECKED && this.now() < end;) {
      const reading = await this.catalogue.lister.images(
        { ...criteria, marker, limit: BATCH_SIZE },
        permissions.viewer,
      );
      if (reading.source === 'copy') age = Math.max(age ?? 0, reading.age);
      const { images: batch, truncated } = reading.value;
      for (const stored of batch) {
        const image = permissions.readable(stored);
        marker = image.id;
        next = image.shownId;
        if (!permissions.mayRead(image)) continue;
        images.push(image);
        characters += charactersOf(image);
        const full = images.length === criteria.limit || characters >= MAX_PAGE_CHARACTERS;
        if (full) return { images, next, age };
      }
      if (batch.length < BATCH_SIZE && !truncated) return { images, next: undefined, age };
      checked += batch.length;
    }
    return { images, next, age };
  }
}

function charactersOf({ properties }: Image): number {
  return Object.entries(properties).reduce(
    (sum, [name, value]) => sum + name.length + (value?.length ?? 0),
    0,
  );
}
