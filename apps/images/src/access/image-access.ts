import { PolicyRefused, credentialsOf, type Credentials, type Policy } from '@glimpse/auth';
import {
  ChangeConflict,
  ImageNotFound,
  NotOwner,
  PropertyNotFound,
  VersionLost,
  canChange,
  type Catalogue,
  type ChangeOptions,
  type Identity,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type PropertyChange,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { CURRENT_GET_IMAGE } from './image-rules.js';
import { targetOf } from './image-target.js';
import type { PropertyProtections } from './protections/property-protections.js';
import type { PropertyView } from './protections/property-view.js';
import { ReadableImages } from './protections/readable-images.js';
import { mayList } from './may-list.js';
import { viewerOf } from './viewer.js';

/**
 * How often a change is checked and made while others change the image: what it needs depends on what the image
 * has, so it is made only of the version that it was checked on.
 */
const MAX_ATTEMPTS = 20;

/** The most images that a policy rule checks for one page. */
const MAX_CHECKED = 10_000;
/** How many images are read at a time where a policy rule checks each of them, whatever the client's limit. */
const BATCH = 200;
/** How long batches are read for one page; then it ends where it is. */
const MAX_READ_MS = 2_000;
/** The most characters of properties that the batches of a page keep in memory. */
const MAX_KEPT = 4 * 2 ** 20;

/** An image as Glance's default of `get_image` tells those that are listed from others: not at all. */
const LISTED = { visibility: 'public' } as const;

/** What the rules say of a caller, whatever the image. */
interface Standing {
  readonly credentials: Credentials;
  readonly viewer: Viewer;
  /** Whether policy shows them images; undefined where it has to look at each. */
  readonly mayRead: boolean | undefined;
  /** The same of the images that are listed for them. */
  readonly mayReadListed: boolean | undefined;
  /** What they may do with properties; undefined where none is protected. */
  readonly view: PropertyView | undefined;
}

/** A page of a list, and the marker that the next one begins after, if there may be a next one. */
export interface Page<T extends ImageName = Image> {
  readonly images: readonly T[];
  readonly next: string | undefined;
  /** Seconds since what it was read from was known to be current, where that is too long to be fresh. */
  readonly age: number | undefined;
}

/** The rule that each kind of change asks. */
const RULES = { change: 'modify_image', delete: 'delete_image' } as const;

/**
 * The catalogue as a caller may use it. The rules of the domain come first: what is visible, and whose it is
 * to change. Then policy may refuse; it never opens anything. Where properties are protected, every image is
 * one without those that the caller may not read, to policy as well.
 */
export class ImageAccess {
  readonly #standings = new WeakMap<Identity, Standing>();
  /** Whether `get_image` looks at the image. */
  readonly #readsEach: boolean;
  /** Whether `get_image` is Glance's default, which says the same of all images that are listed for a caller. */
  readonly #allowsListed: boolean;
  readonly #readable: ReadableImages;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly policy: Policy,
    private readonly protections?: PropertyProtections,
    /** Milliseconds of a monotonic clock. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#readable = new ReadableImages(catalogue.cache);
    this.#readsEach = policy.readsTarget('get_image');
    this.#allowsListed = policy.rules.some(
      ({ name, text }) => name === 'get_image' && text === CURRENT_GET_IMAGE,
    );
  }

  /**
   * Reads an image for somebody.
   *
   * @throws {ImageNotFound} also where policy refuses, as in Glance; {CatalogueUnavailable}
   */
  async read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    const standing = this.standingOf(caller);
    const { viewer } = standing;
    const reading = await this.catalogue.reader.image(id, viewer, { ...options, project: viewer.project });
    const image = this.readableBy(standing, reading.value);
    this.enforceRead(standing, image);
    return image === reading.value ? reading : { ...reading, value: image };
  }

  /** What {@link read} would read, where that needs nobody asked. */
  readKept(id: string, caller: Identity): Image | undefined {
    const standing = this.standingOf(caller);
    const kept = this.catalogue.cache?.cached(id, standing.viewer);
    const image = kept && this.readableBy(standing, kept);
    return image && this.mayRead(standing, image) ? image : undefined;
  }

  /** Counts bytes that are kept along with an image that was read here. */
  accountBytes(image: Image, bytes: number): void {
    this.#readable.accountBytes(image, bytes);
  }

  /**
   * Deletes an image that the caller may delete.
   *
   * @param optionsOf how the image is to be deleted, of the image as the caller reads it
   * @throws {NotOwner} {PolicyRefused}, and as `ImageWriter.delete`
   */
  async delete(id: string, caller: Identity, optionsOf: (image: Image) => ChangeOptions): Promise<void> {
    const standing = this.standingOf(caller);
    const stored = await this.catalogue.current.imageToChange(id, standing.viewer);
    const image = this.readableBy(standing, stored);
    this.enforceRead(standing, image);
    this.authorizeChange(image, standing, 'delete');
    await this.catalogue.writer.delete(id, optionsOf(image));
  }

  /**
   * Changes properties of an image that is the caller's to change.
   *
   * @param optionsOf how the change is to be made, of the image as the caller reads it
   * @returns the properties after the change that the caller may read
   * @throws {NotOwner} {PolicyRefused} {PropertyNotFound} {PropertyProtected}, and as `ImageWriter.change`
   */
  async changeProperties(
    id: string,
    caller: Identity,
    change: PropertyChange,
    optionsOf: (image: Image) => ChangeOptions,
  ): Promise<Image['properties']> {
    const standing = this.standingOf(caller);
    for (let attempt = 1; ; attempt++) {
      const stored = await this.catalogue.current.imageToChange(id, standing.viewer);
      const image = this.readableBy(standing, stored);
      this.enforceRead(standing, image);
      if (change.kind === 'remove' && !Object.hasOwn(image.properties, change.key)) {
        throw new PropertyNotFound(change.key);
      }
      this.authorizeChange(image, standing, 'change');
      const { view } = standing;
      view?.checkChange(id, change, image.properties);
      const options = optionsOf(image);
      if (!view) return this.catalogue.writer.change(id, { properties: change }, options);
      const version = options.version ?? (view.isDecided(change) ? undefined : stored.version);
      try {
        const properties = view.sparing(change, stored.properties);
        return view.readable(await this.catalogue.writer.change(id, { properties }, { ...options, version }));
      } catch (error) {
        if (!(error instanceof VersionLost) || options.version !== undefined) throw error;
        if (attempt === MAX_ATTEMPTS) throw new ChangeConflict(id);
      }
    }
  }

  /** @throws {NotOwner} {PolicyRefused} */
  private authorizeChange(image: Image, { credentials, viewer }: Standing, action: keyof typeof RULES): void {
    if (!canChange(image, viewer)) throw new NotOwner(image.id, action);
    this.enforce(RULES[action], credentials, image);
  }

  /**
   * Reads a page of a list. A rule `get_image` that looks at the image checks each, and batches are read until the
   * page is full; a page that has cost enough ends where it is, with a marker to go on after.
   *
   * @throws {MarkerNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  page(criteria: ImageCriteria, caller: Identity): Promise<Page> {
    return this.listAs(caller, criteria, async (standing) => {
      const reading = await this.catalogue.lister.images(criteria, standing.viewer);
      const images = reading.value.images.map((image) => this.readableBy(standing, image));
      return { ...reading, value: { ...reading.value, images } };
    });
  }

  /**
   * Reads the same page, but of each image only its name, unless a rule has to look at the image.
   *
   * @throws as {@link page}
   */
  namesPage(criteria: ImageCriteria, caller: Identity): Promise<Page<ImageName>> {
    return this.listAs<ImageName>(caller, criteria, ({ viewer }) =>
      this.catalogue.lister.imageNames(criteria, viewer),
    );
  }

  private async listAs<T extends ImageName>(
    caller: Identity,
    criteria: ImageCriteria,
    read: (standing: Standing) => Promise<Reading<ImagePage<T>>>,
  ): Promise<Page<T | Image>> {
    const standing = this.standingOf(caller);
    if (!mayList(this.policy, standing.credentials)) throw new PolicyRefused('get_images');
    const { view, mayReadListed: mayRead } = standing;
    const hidden = view && Object.keys(criteria.properties ?? {}).some((name) => !view.may('read', name));
    if (mayRead === false || hidden) return { images: [], next: undefined, age: undefined };
    if (mayRead === undefined) return this.checkedPage(criteria, standing);
    const reading = await read(standing);
    const { images, truncated } = reading.value;
    const next = truncated || images.length === criteria.limit ? images.at(-1)?.id : undefined;
    return { images, next, age: reading.source === 'copy' ? reading.age : undefined };
  }

  private async checkedPage(criteria: ImageCriteria, standing: Standing): Promise<Page> {
    const end = this.now() + MAX_READ_MS;
    const images: Image[] = [];
    let { marker } = criteria;
    let age: number | undefined;
    let kept = 0;
    for (let checked = 0; checked < MAX_CHECKED && this.now() < end;) {
      const reading = await this.catalogue.lister.images(
        { ...criteria, marker, limit: BATCH },
        standing.viewer,
      );
      if (reading.source === 'copy') age = Math.max(age ?? 0, reading.age);
      const { images: batch, truncated } = reading.value;
      for (const stored of batch) {
        const image = this.readableBy(standing, stored);
        marker = image.id;
        if (!this.mayRead(standing, image)) continue;
        images.push(image);
        kept += charactersOf(image);
        if (images.length === criteria.limit || kept >= MAX_KEPT) return { images, next: marker, age };
      }
      if (batch.length < BATCH && !truncated) return { images, next: undefined, age };
      checked += batch.length;
    }
    return { images, next: marker, age };
  }

  private standingOf(caller: Identity): Standing {
    const known = this.#standings.get(caller);
    if (known) return known;
    const credentials = credentialsOf(caller);
    const mayRead = this.#readsEach ? undefined : this.policy.allows('get_image', credentials);
    const view = this.protections?.viewOf(credentials);
    const mayReadListed = this.#allowsListed ? this.policy.allows('get_image', credentials, LISTED) : mayRead;
    const viewer = viewerOf(credentials, this.policy);
    const standing = { credentials, viewer, mayRead, mayReadListed, view };
    this.#standings.set(caller, standing);
    return standing;
  }

  private readableBy({ view }: Standing, image: Image): Image {
    return view ? this.#readable.of(image, view) : image;
  }

  private mayRead({ credentials, mayRead }: Standing, image: Image): boolean {
    return mayRead ?? this.allows('get_image', credentials, image);
  }

  private enforceRead(standing: Standing, image: Image): void {
    if (!this.mayRead(standing, image)) throw new ImageNotFound(image.id);
  }

  private allows(rule: string, credentials: Credentials, image: Image): boolean {
    return this.policy.allows(rule, credentials, targetOf(image, credentials.project_id));
  }

  private enforce(rule: string, credentials: Credentials, image: Image): void {
    if (!this.allows(rule, credentials, image)) throw new PolicyRefused(rule);
  }
}

function charactersOf({ properties }: Image): number {
  return Object.entries(properties).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
