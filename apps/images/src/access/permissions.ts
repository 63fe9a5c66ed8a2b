import { PolicyRefused, credentialsOf, type Credentials, type Policy } from '@glimpse/auth';
import {
  ImageNotFound,
  NotOwner,
  canChange,
  type Identity,
  type Image,
  type ImageCache,
  type Viewer,
} from '@glimpse/domain';
import { CURRENT_GET_IMAGE } from './image-rules.js';
import { targetOf } from './image-target.js';
import { mayList } from './may-list.js';
import type { PropertyProtections } from './protections/property-protections.js';
import type { PropertyView } from './protections/property-view.js';
import { ReadableImages } from './protections/readable-images.js';
import { viewerOf } from './viewer.js';

/** A target for Glance's default of `get_image`, whose result is the same for every image that is listed for a caller. */
const LISTED = { visibility: 'public' } as const;

/** What callers may do. The decisions of rules that hold for every image are made once for each caller. */
export class Permissions {
  readonly #callers = new WeakMap<Identity, CallerPermissions>();
  /** Whether `get_image` depends on the image. */
  readonly #readsEach: boolean;
  /** Whether `get_image` is Glance's default, whose result is the same for all images that are listed for a caller. */
  readonly #allowsListed: boolean;
  readonly #readable: ReadableImages;

  constructor(
    private readonly policy: Policy,
    private readonly protections?: PropertyProtections,
    cache?: ImageCache,
  ) {
    this.#readable = new ReadableImages(cache);
    this.#readsEach = policy.readsTarget('get_image');
    this.#allowsListed = policy.rules.some(
      ({ name, text }) => name === 'get_image' && text === CURRENT_GET_IMAGE,
    );
  }

  of(caller: Identity): CallerPermissions {
    const known = this.#callers.get(caller);
    if (known) return known;
    const permissions = this.#decide(credentialsOf(caller));
    this.#callers.set(caller, permissions);
    return permissions;
  }

  /** Accounts bytes that are cached along with an image, or with the form of it that some callers may read. */
  accountBytes(image: Image, bytes: number): void {
    this.#readable.accountBytes(image, bytes);
  }

  #decide(credentials: Credentials): CallerPermissions {
    const { policy } = this;
    const mayRead = this.#readsEach ? undefined : policy.allows('get_image', credentials);
    return new CallerPermissions(policy, credentials, this.#readable, {
      viewer: viewerOf(credentials, policy),
      view: this.protections?.viewOf(credentials),
      mayList: mayList(policy, credentials),
      mayRead,
      mayReadListed: this.#allowsListed ? policy.allows('get_image', credentials, LISTED) : mayRead,
    });
  }
}

/** The decisions that hold for every image. */
interface Decisions {
  readonly viewer: Viewer;
  readonly view: PropertyView | undefined;
  readonly mayList: boolean;
  /** Whether policy lets the caller read images; undefined where the rule depends on the image. */
  readonly mayRead: boolean | undefined;
  /** The same for the images that are listed for the caller. */
  readonly mayReadListed: boolean | undefined;
}

/**
 * What one caller may do. The domain's rules of visibility and ownership come first; policy can only restrict them
 * further.
 */
export class CallerPermissions {
  /** The caller, as the domain's rules see it. */
  readonly viewer: Viewer;
  /** What the caller may do with properties; undefined where none is protected. */
  readonly view: PropertyView | undefined;
  /** Whether policy lets the caller read the images of its lists; undefined where the rule depends on the image. */
  readonly mayReadListed: boolean | undefined;
  /**
   * What the caller's lists depend on besides the request and the images, as text: two callers with the same have the
   * same lists. Undefined where policy refuses lists, or checks each image.
   */
  readonly listKey: string | undefined;
  readonly #mayList: boolean;
  readonly #mayRead: boolean | undefined;

  constructor(
    private readonly policy: Policy,
    private readonly credentials: Credentials,
    private readonly readableImages: ReadableImages,
    { viewer, view, mayList, mayRead, mayReadListed }: Decisions,
  ) {
    this.viewer = viewer;
    this.view = view;
    this.mayReadListed = mayReadListed;
    this.#mayList = mayList;
    this.#mayRead = mayRead;
    this.listKey =
      mayList && mayReadListed === true
        ? JSON.stringify([viewer.project, viewer.admin, view?.readKey ?? null])
        : undefined;
  }

  /** The image without the properties that the caller may not read. Policy rules see no others, either. */
  readable(image: Image): Image {
    return this.view ? this.readableImages.of(image, this.view) : image;
  }

  /** Whether policy lets the caller read an image that is {@link readable}. */
  mayRead(image: Image): boolean {
    return this.#mayRead ?? this.allows('get_image', image);
  }

  /** @throws {ImageNotFound} policy refuses, as in Glance */
  enforceRead(image: Image): void {
    if (!this.mayRead(image)) throw new ImageNotFound(image.id);
  }

  /** @throws {PolicyRefused} */
  enforceList(): void {
    if (!this.#mayList) throw new PolicyRefused('get_images');
  }

  /**
   * Whether a rule lets the caller act on an image that it has read.
   *
   * @param member the project that the rule has as the image's member, instead of the caller's
   */
  allows(rule: string, image: Image, member?: string): boolean {
    const own = targetOf(image, this.credentials.project_id);
    const target = member === undefined ? own : { ...own, member, member_id: member };
    return this.policy.allows(rule, this.credentials, target);
  }

  /** The same as {@link allows}. @throws {PolicyRefused} */
  enforce(rule: string, image: Image, member?: string): void {
    if (!this.allows(rule, image, member)) throw new PolicyRefused(rule);
  }

  /** Requires that a rule that concerns no image lets the caller act. @throws {PolicyRefused} */
  enforceRule(rule: string): void {
    if (!this.policy.allows(rule, this.credentials)) throw new PolicyRefused(rule);
  }

  /**
   * Requires that the caller owns an image that it has read, or is an administrator, and that a rule allows the change.
   *
   * @throws {NotOwner} {PolicyRefused}
   */
  enforceChange(rule: string, image: Image, action: 'change' | 'delete' = 'change'): void {
    if (!canChange(image, this.viewer)) throw new NotOwner(image.shownId, action);
    this.enforce(rule, image);
  }
}
