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
  type ImageCache,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type PageCache,
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
 * How often a change is checked and attempted while other clients change the image: what it requires depends on the
 * image's properties, so it is made only to the version that was checked.
 */
const MAX_ATTEMPTS = 20;

/** The most images that a policy rule checks for one page. */
const MAX_CHECKED = 10_000;
/** How many images are read at a time where a policy rule checks each of them, whatever the client's limit. */
const BATCH_SIZE = 200;
/** How long batches are read for one page; then the page ends early. */
const MAX_READ_MS = 2_000;
/** The most characters of properties that a page composed of batches holds in memory. */
const MAX_PAGE_CHARACTERS = 4 * 2 ** 20;

/** A target for Glance's default of `get_image`, whose result is the same for every image that is listed for a caller. */
const LISTED = { visibility: 'public' } as const;

/** A caller's credentials, and the decisions of the rules that hold for every image. */
interface CallerContext {
  readonly credentials: Credentials;
  readonly viewer: Viewer;
  /** Whether policy lets the caller read images; undefined where the rule depends on the image. */
  readonly mayRead: boolean | undefined;
  /** The same for the images that are listed for the caller. */
  readonly mayReadListed: boolean | undefined;
  /** What the caller may do with properties; undefined where none is protected. */
  readonly view: PropertyView | undefined;
  /** What lists depend on besides the request and the images; undefined where a rule refuses them, or checks each image. */
  readonly listKey: string | undefined;
}

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

/** An image in its current state: as it is stored, and as a caller reads it. */
export interface CurrentImage {
  readonly stored: Image;
  readonly image: Image;
}

/** The rule that authorizes each kind of change. */
const RULES = { change: 'modify_image', delete: 'delete_image' } as const;

/**
 * The catalogue as a caller may use it. The domain's rules of visibility and ownership come first; policy can only
 * restrict them further. Properties that the caller may not read are removed from every image, also for policy rules.
 */
export class ImageAccess {
  readonly #contexts = new WeakMap<Identity, CallerContext>();
  /** Whether `get_image` depends on the image. */
  readonly #readsEach: boolean;
  /** Whether `get_image` is Glance's default, whose result is the same for all images that are listed for a caller. */
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
   * Reads an image for a caller.
   *
   * @throws {ImageNotFound} also where policy refuses, as in Glance; {CatalogueUnavailable}
   */
  async read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    const context = this.contextOf(caller);
    const { viewer } = context;
    const reading = await this.catalogue.reader.image(id, viewer, { ...options, project: viewer.project });
    const image = this.readableBy(context, reading.value);
    this.enforceRead(context, image);
    return image === reading.value ? reading : { ...reading, value: image };
  }

  /** The same as {@link read}, but only from the cache and synchronously; undefined on a miss. */
  readCached(id: string, caller: Identity): Image | undefined {
    const context = this.contextOf(caller);
    const cached = this.catalogue.cache?.cached(id, context.viewer);
    const image = cached && this.readableBy(context, cached);
    return image && this.mayRead(context, image) ? image : undefined;
  }

  /** A caller, as the domain's rules see it. */
  viewerOf(caller: Identity): Viewer {
    return this.contextOf(caller).viewer;
  }

  /**
   * What the lists of a caller depend on besides the request and the images, as text: two callers with the same have
   * the same lists. Undefined where policy refuses lists, or checks each image.
   */
  listKeyOf(caller: Identity): string | undefined {
    return this.contextOf(caller).listKey;
  }

  /** Whether a rule lets a caller act on an image that it has read. */
  allowsFor(rule: string, caller: Identity, image: Image): boolean {
    return this.allows(rule, this.contextOf(caller).credentials, image);
  }

  /**
   * The same as {@link allowsFor}.
   *
   * @param member the project that the rule has as the image's member, instead of the caller's
   * @throws {PolicyRefused}
   */
  enforceFor(rule: string, caller: Identity, image: Image, member?: string): void {
    this.enforce(rule, this.contextOf(caller).credentials, image, member);
  }

  /**
   * Requires that a caller owns an image that it has read, or is an administrator, and that a rule allows the change.
   *
   * @throws {NotOwner} {PolicyRefused}
   */
  enforceChange(rule: string, caller: Identity, image: Image): void {
    if (!canChange(image, this.viewerOf(caller))) throw new NotOwner(image.shownId, 'change');
    this.enforceFor(rule, caller, image);
  }

  /** What a caller may do with properties; undefined where none is protected. */
  viewOf(caller: Identity): PropertyView | undefined {
    return this.contextOf(caller).view;
  }

  /**
   * Reads an image that a caller is about to change, in its current state.
   *
   * @throws as {@link read}
   */
  async readCurrent(id: string, caller: Identity): Promise<CurrentImage> {
    const context = this.contextOf(caller);
    const stored = await this.catalogue.current.imageToChange(id, context.viewer);
    const image = this.readableBy(context, stored);
    this.enforceRead(context, image);
    return { stored, image };
  }

  /** Where bytes are accounted that are cached along with an image; undefined where images are not cached. */
  get cache(): Pick<ImageCache, 'accountBytes'> | undefined {
    return this.catalogue.cache && this;
  }

  /** Where pages of lists are cached; undefined where they are not. */
  get pages(): PageCache | undefined {
    return this.catalogue.pages;
  }

  /** Accounts bytes that are cached along with an image. */
  accountBytes(image: Image, bytes: number): void {
    this.#readable.accountBytes(image, bytes);
  }

  /**
   * Deletes an image that the caller may delete.
   *
   * @param optionsOf the options of the deletion, for the image as the caller reads it
   * @throws {NotOwner} {PolicyRefused}, and as `ImageWriter.delete`
   */
  async delete(id: string, caller: Identity, optionsOf: (image: Image) => ChangeOptions): Promise<void> {
    const { image } = await this.readCurrent(id, caller);
    this.authorizeChange(image, this.contextOf(caller), 'delete');
    await this.catalogue.writer.delete(id, optionsOf(image));
  }

  /**
   * Changes properties of an image that the caller may change.
   *
   * @param optionsOf the options of the change, for the image as the caller reads it
   * @returns the properties after the change that the caller may read
   * @throws {NotOwner} {PolicyRefused} {PropertyNotFound} {PropertyProtected}, and as `ImageWriter.change`
   */
  async changeProperties(
    id: string,
    caller: Identity,
    change: PropertyChange,
    optionsOf: (image: Image) => ChangeOptions,
  ): Promise<Image['properties']> {
    const context = this.contextOf(caller);
    for (let attempt = 1; ; attempt++) {
      const { stored, image } = await this.readCurrent(id, caller);
      if (change.kind === 'remove' && !Object.hasOwn(image.properties, change.key)) {
        throw new PropertyNotFound(change.key);
      }
      this.authorizeChange(image, context, 'change');
      const { view } = context;
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
  private authorizeChange(
    image: Image,
    { credentials, viewer }: CallerContext,
    action: keyof typeof RULES,
  ): void {
    if (!canChange(image, viewer)) throw new NotOwner(image.id, action);
    this.enforce(RULES[action], credentials, image);
  }

  /**
   * Reads a page of a list. Where the rule `get_image` depends on the image, each image is checked and batches are read
   * until the page is full; beyond the bounds on time and images the page ends early, with a marker for the next one.
   *
   * @throws {MarkerNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  page(criteria: ImageCriteria, caller: Identity): Promise<Page> {
    return this.listAs(caller, criteria, async (context) => {
      const reading = await this.catalogue.lister.images(criteria, context.viewer);
      const images = reading.value.images.map((image) => this.readableBy(context, image));
      return { ...reading, value: { ...reading.value, images } };
    });
  }

  /**
   * Reads the same page, but only the name of each image, unless a rule depends on the image.
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
    read: (context: CallerContext) => Promise<Reading<ImagePage<T>>>,
  ): Promise<Page<T | Image>> {
    const context = this.contextOf(caller);
    if (!mayList(this.policy, context.credentials)) throw new PolicyRefused('get_images');
    const { view, mayReadListed: mayRead } = context;
    const hidden = view && Object.keys(criteria.properties ?? {}).some((name) => !view.may('read', name));
    if (mayRead === false || hidden) return { images: [], next: undefined, age: undefined };
    if (mayRead === undefined && criteria.limit > 0) return this.checkedPage(criteria, context);
    const reading = await read(context);
    const { images, truncated } = reading.value;
    const next = truncated || images.length === criteria.limit ? images.at(-1)?.shownId : undefined;
    return { images, next, age: reading.source === 'copy' ? reading.age : undefined };
  }

  private async checkedPage(criteria: ImageCriteria, context: CallerContext): Promise<Page> {
    const end = this.now() + MAX_READ_MS;
    const images: Image[] = [];
    let { marker } = criteria;
    let next: string | undefined;
    let age: number | undefined;
    let characters = 0;
    for (let checked = 0; checked < MAX_CHECKED && this.now() < end;) {
      const reading = await this.catalogue.lister.images(
        { ...criteria, marker, limit: BATCH_SIZE },
        context.viewer,
      );
      if (reading.source === 'copy') age = Math.max(age ?? 0, reading.age);
      const { images: batch, truncated } = reading.value;
      for (const stored of batch) {
        const image = this.readableBy(context, stored);
        marker = image.id;
        next = image.shownId;
        if (!this.mayRead(context, image)) continue;
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

  private contextOf(caller: Identity): CallerContext {
    const known = this.#contexts.get(caller);
    if (known) return known;
    const credentials = credentialsOf(caller);
    const mayRead = this.#readsEach ? undefined : this.policy.allows('get_image', credentials);
    const view = this.protections?.viewOf(credentials);
    const mayReadListed = this.#allowsListed ? this.policy.allows('get_image', credentials, LISTED) : mayRead;
    const viewer = viewerOf(credentials, this.policy);
    const mayShareLists = mayReadListed === true && mayList(this.policy, credentials);
    const listKey = mayShareLists
      ? JSON.stringify([viewer.project, viewer.admin, view?.readKey ?? null])
      : undefined;
    const context = { credentials, viewer, mayRead, mayReadListed, view, listKey };
    this.#contexts.set(caller, context);
    return context;
  }

  private readableBy({ view }: CallerContext, image: Image): Image {
    return view ? this.#readable.of(image, view) : image;
  }

  private mayRead({ credentials, mayRead }: CallerContext, image: Image): boolean {
    return mayRead ?? this.allows('get_image', credentials, image);
  }

  private enforceRead(context: CallerContext, image: Image): void {
    if (!this.mayRead(context, image)) throw new ImageNotFound(image.id);
  }

  private allows(rule: string, credentials: Credentials, image: Image): boolean {
    return this.policy.allows(rule, credentials, targetOf(image, credentials.project_id));
  }

  private enforce(rule: string, credentials: Credentials, image: Image, member?: string): void {
    const own = targetOf(image, credentials.project_id);
    const target = member === undefined ? own : { ...own, member, member_id: member };
    if (!this.policy.allows(rule, credentials, target)) throw new PolicyRefused(rule);
  }
}

function charactersOf({ properties }: Image): number {
  return Object.entries(properties).reduce(
    (sum, [name, value]) => sum + name.length + (value?.length ?? 0),
    0,
  );
}
