import type {
  Identity,
  Image,
  PropertyChange,
  SourceImage,
  SourceMembers,
  SourcePlace,
} from '@glimpse/domain';

/**
 * The version of the contracts in this file. A plugin states the one it was written for, and is refused
 * when it is not this one.
 */
export const CONTRACT_VERSION = 1;

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * An API extension that adds attributes to the document of an image. Its description is what
 * `GET /v2.1/extensions` shows of it.
 */
export interface ImageExtension {
  /** The name clients know it by, such as `OS-EXT-IMG-SIZE`; no two loaded extensions share one. */
  readonly alias: string;
  readonly name: string;
  readonly namespace: string;
  /** When the extension last changed, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly updated: string;
  readonly description: string;
  /** Where its attributes stand in the document; after everything else unless given. */
  readonly position?: 'before-links' | 'last';
  /**
   * The attributes it adds to one image, by their full names, such as `OS-EXT-IMG-SIZE:size`. Called once
   * for each document that is made, so it does no input or output.
   */
  attributes(image: Image): Readonly<Record<string, Json>>;
}

/** What an authenticator found out about a token. */
export type Authentication =
  | { readonly outcome: 'identity'; readonly identity: Identity }
  /** Whoever sent it has to get another one. */
  | { readonly outcome: 'invalid' }
  /** The token could not be validated; another try makes sense after so many seconds. */
  | {
      readonly outcome: 'unavailable';
      readonly retryAfter: number;
      /** Too many tokens were waiting here: what validates them is not known to be unavailable. */
      readonly overloaded?: boolean;
    };

/** Where a request came from. It says nothing of the sender's identity: only for sharing places fairly. */
export interface RequestSource {
  /** The address of the connection, or its network; empty where that is not known. */
  readonly address: string;
  /** Tells apart the clients of one address, as far as they can be. */
  readonly client: string;
}

/** How a token is to be looked at. */
export interface AuthenticationRequest {
  /** Accept a token whose time is over: a service with a valid token of its own vouches for it. */
  readonly allowExpired?: boolean;
  /** Do not answer from what is remembered. */
  readonly fresh?: boolean;
  /** Left out: all such requests have one source. */
  readonly source?: RequestSource;
}

/** Finds out who sent a token. It never judges what they may do. */
export interface Authenticator {
  /** The value of `WWW-Authenticate` when a token is missing or invalid. */
  readonly challenge: string;
  /** Never throws for what a client sent. Answers at once, without a promise, where nobody has to be asked. */
  authenticate(token: string, request?: AuthenticationRequest): Authentication | Promise<Authentication>;
  /**
   * Why it cannot validate tokens, in one line; undefined when it can. Checked anew, without a client's token. An
   * authenticator that depends on nothing has no such method.
   */
  check?(): Promise<string | undefined>;
}

/** Which images of a source are wanted. */
export interface SourceQuery {
  /** Those that are hidden, or those that are not: a source lists them apart. */
  readonly hidden: boolean;
  /** Only those that changed then or later; whole seconds. */
  readonly changedSince?: Date;
  /** Only those behind this place. It may have been deleted since. */
  readonly after?: SourcePlace;
}

/** Some images of a source, in the order of their places. */
export interface SourcePage {
  readonly images: readonly SourceImage[];
  /** What it has and no catalogue can hold, such as `image 70a5…: min_disk is -1; it must be …`. */
  readonly bad: readonly string[];
  /** The ids of those, where known. A catalogue stops serving what it has of them. */
  readonly badIds?: readonly string[];
  /** Where the next page begins, behind the place of this one; undefined after the last one. */
  readonly next: SourcePlace | undefined;
  /** When the page was requested, by the source's clock, or earlier; unset where that is not known. */
  readonly askedAt?: Date | undefined;
}

/** What a source made of a caller that requests a list of images. */
export interface ListAccess {
  /** The caller's only roles. */
  readonly roles: readonly string[];
  readonly allowed: boolean;
}

/**
 * A service that has the images of a cloud, which a catalogue mirrors. It shows this service everything, or
 * says that it does not; each call answers within a bounded time, sooner if its signal says so. Every method
 * throws `SourceUnavailable` of `@glimpse/domain` when the source cannot be asked: what was sent may then have
 * been done all the same.
 */
export interface ImageSource {
  /** The base of links to it; undefined while that is not known. */
  readonly url: string | undefined;

  /**
   * Why it does not show this service every image and every member, in one line; undefined when it does. Asked
   * anew, never from memory: what it says holds for the calls that ended before and for none after.
   */
  blindness(signal?: AbortSignal): Promise<string | undefined>;

  /**
   * Why it would refuse a change that somebody makes through this service, whatever they may do, in one line;
   * undefined when it takes them. Asked anew, which may take seconds. A source whose settings cannot be wrong in
   * that way has no such method.
   */
  distrust?(signal?: AbortSignal): Promise<string | undefined>;

  /**
   * Whether its own policy lists images to a caller with no more than a service role, so that a policy in front
   * of it can be compared. A source without such a policy has no such method.
   */
  listAccess?(signal?: AbortSignal): Promise<ListAccess>;

  /** A page of its images, each whoever it belongs to. A page is bounded by the source. */
  page(query: SourceQuery, signal?: AbortSignal): Promise<SourcePage>;

  /**
   * The newest time of change of any image, hidden or not, by the source's clock.
   *
   * @returns undefined when it has no images
   */
  newestChange(signal?: AbortSignal): Promise<Date | undefined>;

  /**
   * @returns undefined when it has no such image
   * @throws {DomainError} of any other kind: it has the image, and no catalogue can hold it
   */
  image(id: string, signal?: AbortSignal): Promise<SourceImage | undefined>;

  /**
   * @returns undefined when it has no such image
   * @throws {DomainError} of any other kind: it has members, and no catalogue can hold them
   */
  members(id: string, signal?: AbortSignal): Promise<SourceMembers | undefined>;

  /**
   * Changes properties as somebody, whom it judges by itself.
   *
   * @param before what the image has, by which a replacement knows what to remove
   * @param token theirs
   * @throws {ImageNotFound} {NotOwner} {QuotaExceeded} {ChangeRefused} {ChangeConflict}
   */
  changeProperties(
    id: string,
    change: PropertyChange,
    before: Readonly<Record<string, string>>,
    token: string,
    signal?: AbortSignal,
  ): Promise<void>;

  /** @throws {ImageNotFound} {NotOwner} {ImageProtected} {ChangeConflict} */
  deleteImage(id: string, token: string, signal?: AbortSignal): Promise<void>;
}

/** What each kind of plugin makes. */
export interface PluginKinds {
  readonly 'image-extension': ImageExtension;
  readonly authenticator: Authenticator;
  readonly 'image-source': ImageSource;
}

export type PluginKind = keyof PluginKinds;

/**
 * A plugin: the default export of its module.
 *
 * @example
 * export default definePlugin({
 *   kind: 'image-extension',
 *   contract: 1,
 *   create: () => ({
 *     alias: 'OWNER', name: 'Owner', namespace: 'https://example.com/owner', updated: '2026-01-01T00:00:00Z',
 *     description: 'Adds the owning project.',
 *     attributes: (image) => ({ 'OWNER:project': image.owner }),
 *   }),
 * });
 */
export interface Plugin<K extends PluginKind = PluginKind, O extends object = object> {
  readonly kind: K;
  /** The {@link CONTRACT_VERSION} it was written for. */
  readonly contract: number;
  /** The class of its options, read by `readOptions`; without one it takes none. */
  readonly options?: new () => O;
  create(options: O): PluginKinds[K] | Promise<PluginKinds[K]>;
}

/** Gives a plugin's literal its types; changes nothing. */
export function definePlugin<K extends PluginKind, O extends object>(plugin: Plugin<K, O>): Plugin<K, O> {
  return plugin;
}
