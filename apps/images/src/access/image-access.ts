import { PolicyRefused, credentialsOf, type Credentials, type Policy } from '@glimpse/auth';
import {
  NotOwner,
  canChange,
  type Catalogue,
  type Copies,
  type Identity,
  type Image,
  type ImageCriteria,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { targetOf } from './image-target.js';
import { viewerOf } from './viewer.js';

/** How many images policy is asked about for one page. */
const MOST_ASKED = 10_000;

/** What the rules say of a caller, whatever the image. */
interface Standing {
  readonly credentials: Credentials;
  readonly viewer: Viewer;
  /** Whether policy shows them images; undefined where it has to look at each. */
  readonly mayRead: boolean | undefined;
}

/** A page of a list, and the marker that the next one begins after, if there may be a next one. */
export interface Page {
  readonly images: readonly Image[];
  readonly next: string | undefined;
  /** Seconds since what it was read from was known to be current, where that is too long to be fresh. */
  readonly age: number | undefined;
}

/** The rule that each kind of change asks. */
const RULES = { change: 'modify_image', delete: 'delete_image' } as const;

/**
 * The catalogue as a caller may use it. The rules of the domain come first: what is visible, and whose it is
 * to change. Then policy may refuse; it never opens anything.
 */
export class ImageAccess {
  readonly #standings = new WeakMap<Identity, Standing>();
  /** Whether `get_image` looks at the image. */
  readonly #readsEach: boolean;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly policy: Policy,
    private readonly copies?: Copies,
  ) {
    this.#readsEach = policy.readsTarget('get_image');
  }

  /**
   * Reads an image for somebody.
   *
   * @throws {ImageNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  async read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    const standing = this.standingOf(caller);
    const { viewer } = standing;
    const reading = await this.catalogue.image(id, viewer, { ...options, project: viewer.project });
    this.enforceRead(standing, reading.value);
    return reading;
  }

  /** What {@link read} would read, where that needs nobody asked. */
  readKept(id: string, caller: Identity): Image | undefined {
    const standing = this.standingOf(caller);
    const image = this.copies?.kept(id, standing.viewer);
    return image && this.mayRead(standing, image) ? image : undefined;
  }

  /**
   * Reads an image that somebody means to change, as it stands now.
   *
   * @throws as {@link read}
   */
  async readForChange(id: string, caller: Identity): Promise<Image> {
    const standing = this.standingOf(caller);
    const image = await this.catalogue.imageToChange(id, standing.viewer);
    this.enforceRead(standing, image);
    return image;
  }

  /**
   * Judges whether somebody may change an image that they were shown.
   *
   * @throws {NotOwner} {PolicyRefused}
   */
  judgeChange(image: Image, caller: Identity, action: keyof typeof RULES): void {
    const { credentials, viewer } = this.standingOf(caller);
    if (!canChange(image, viewer)) throw new NotOwner(image.id, action);
    this.enforce(RULES[action], credentials, image);
  }

  /**
   * Reads a page for somebody. A rule `get_image` that looks at the image is asked about each, and more are
   * read until the page is full; after {@link MOST_ASKED} the page ends where it is.
   *
   * @throws {MarkerNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  async page(criteria: ImageCriteria, caller: Identity): Promise<Page> {
    const standing = this.standingOf(caller);
    this.enforce('get_images', standing.credentials);
    const { limit } = criteria;
    if (standing.mayRead === false) return { images: [], next: undefined, age: undefined };

    const images: Image[] = [];
    let { marker } = criteria;
    let age: number | undefined;
    for (let asked = 0; asked < MOST_ASKED;) {
      const reading = await this.catalogue.images({ ...criteria, marker }, standing.viewer);
      const { value: read } = reading;
      if (reading.source === 'copy') age = Math.max(age ?? 0, reading.age);
      for (const image of read) {
        if (this.mayRead(standing, image)) images.push(image);
        marker = image.id;
        if (images.length === limit) return { images, next: marker, age };
      }
      if (read.length < limit) return { images, next: undefined, age };
      asked += read.length;
    }
    return { images, next: marker, age };
  }

  private standingOf(caller: Identity): Standing {
    const known = this.#standings.get(caller);
    if (known) return known;
    const credentials = credentialsOf(caller);
    const mayRead = this.#readsEach ? undefined : this.policy.allows('get_image', credentials);
    const standing = { credentials, viewer: viewerOf(credentials, this.policy), mayRead };
    this.#standings.set(caller, standing);
    return standing;
  }

  private mayRead({ credentials, mayRead }: Standing, image: Image): boolean {
    return mayRead ?? this.allows('get_image', credentials, image);
  }

  private enforceRead(standing: Standing, image: Image): void {
    if (!this.mayRead(standing, image)) throw new PolicyRefused('get_image');
  }

  private allows(rule: string, credentials: Credentials, image: Image): boolean {
    return this.policy.allows(rule, credentials, targetOf(image, credentials.project_id));
  }

  private enforce(rule: string, credentials: Credentials, image?: Image): void {
    const allowed = image ? this.allows(rule, credentials, image) : this.policy.allows(rule, credentials);
    if (!allowed) throw new PolicyRefused(rule);
  }
}
