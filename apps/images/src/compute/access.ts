import {
  PolicyRefused,
  credentialsOf,
  targetOf,
  viewerOf,
  type Credentials,
  type Policy,
} from '@glimpse/auth';
import {
  NotOwner,
  canChange,
  type Catalogue,
  type Identity,
  type Image,
  type ImageCriteria,
  type ReadOptions,
  type Reading,
} from '@glimpse/domain';
import { Inject, Injectable } from '@nestjs/common';
import { CATALOGUE, POLICY } from '../tokens.js';

/** How many images policy is asked about for one page. */
const MOST_ASKED = 10_000;

/** A page of a list, and the marker that the next one begins after, if there may be a next one. */
export interface Page {
  readonly images: readonly Image[];
  readonly next: string | undefined;
}

/** The rule that each kind of change asks. */
const RULES = { change: 'modify_image', delete: 'delete_image' } as const;

/**
 * The catalogue as a caller may use it. The rules of the domain come first: what is visible, and whose it is
 * to change. Then policy may refuse; it never opens anything.
 */
@Injectable()
export class ImageAccess {
  constructor(
    @Inject(CATALOGUE) private readonly catalogue: Catalogue,
    @Inject(POLICY) private readonly policy: Policy,
  ) {}

  /**
   * Reads an image for somebody.
   *
   * @throws {ImageNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  async read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    const credentials = credentialsOf(caller, this.policy);
    const reading = await this.catalogue.image(id, viewerOf(credentials), options);
    this.enforce('get_image', credentials, reading.value);
    return reading;
  }

  /**
   * Reads an image that somebody means to change, as it stands now.
   *
   * @throws as {@link read}
   */
  async readForChange(id: string, caller: Identity): Promise<Image> {
    const credentials = credentialsOf(caller, this.policy);
    const image = await this.catalogue.imageToChange(id, viewerOf(credentials));
    this.enforce('get_image', credentials, image);
    return image;
  }

  /**
   * Judges whether somebody may change an image that they were shown.
   *
   * @throws {NotOwner} {PolicyRefused}
   */
  judgeChange(image: Image, caller: Identity, action: keyof typeof RULES): void {
    const credentials = credentialsOf(caller, this.policy);
    if (!canChange(image, viewerOf(credentials))) throw new NotOwner(image.id, action);
    this.enforce(RULES[action], credentials, image);
  }

  /**
   * Reads a page for somebody. A rule `get_image` that looks at the image is asked about each, and more are
   * read until the page is full; after {@link MOST_ASKED} the page ends where it is.
   *
   * @throws {MarkerNotFound} {PolicyRefused} {CatalogueUnavailable}
   */
  async page(criteria: ImageCriteria, caller: Identity): Promise<Page> {
    const credentials = credentialsOf(caller, this.policy);
    this.enforce('get_images', credentials);
    const viewer = viewerOf(credentials);
    const { limit } = criteria;
    const asksEach = this.policy.readsTarget('get_image');
    if (!asksEach && !this.policy.allows('get_image', credentials)) return { images: [], next: undefined };

    const images: Image[] = [];
    let { marker } = criteria;
    for (let asked = 0; asked < MOST_ASKED;) {
      const { value: read } = await this.catalogue.images({ ...criteria, marker }, viewer);
      for (const image of read) {
        if (!asksEach || this.allows('get_image', credentials, image)) images.push(image);
        marker = image.id;
        if (images.length === limit) return { images, next: marker };
      }
      if (read.length < limit) return { images, next: undefined };
      asked += read.length;
    }
    return { images, next: marker };
  }

  private allows(rule: string, credentials: Credentials, image: Image): boolean {
    return this.policy.allows(rule, credentials, targetOf(image, credentials.project_id));
  }

  private enforce(rule: string, credentials: Credentials, image?: Image): void {
    const allowed = image ? this.allows(rule, credentials, image) : this.policy.allows(rule, credentials);
    if (!allowed) throw new PolicyRefused(rule);
  }
}
