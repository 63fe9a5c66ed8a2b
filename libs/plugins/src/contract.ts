import type {
  Identity,
  Image,
  PropertyChange,
  SourceDocument,
  SourceDocumentName,
  SourceImage,
  SourceMembers,
  SourcePlace,
} from '@glimpse/domain';

/**
 * The version of the contracts in this file. A plugin states the one it was written for, and is refused
 * when it is not this one.
 */
export const CONTRACT_VERSION = 1;

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * An API extension that adds attributes to the document of an image. `GET /v2.1/extensions` shows its description.
 */
export interface ImageExtension {
  /** The name clients know it by, such as `OS-EXT-IMG-SIZE`; no two loaded extensions share one. */
  readonly alias: string;
  readonly name: string;
  readonly namespace: string;
  /** When the extension last changed, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly updated: string;
  readonly description: string;
  /** The position of its attributes in the document; `last` by default. */
  readonly position?: 'before-links' | 'last';
  /**
   * The attributes of one image, by their full names, such as `OS-EXT-IMG-SIZE:size`. Called for each document, so it
   * does no input or output.
   */
  attributes(image: Image): Readonly<Record<string, Json>>;
}

/** The result of authenticating a token. */
export type Authentication =
  | { readonly outcome: 'identity'; readonly identity: Identity }
  /** The client needs another token. */
  | { readonly outcome: 'invalid' }
  /** The token could not be validated; a retry makes sense after `retryAfter` seconds. */
  | {
      readonly outcome: 'unavailable';
      readonly retryAfter: number;
      /** A queue timeout in this service; the identity service may be healthy. */
      readonly overloaded?: boolean;
    };

/** Where a request came from. It is not authenticated, and used only to share slots fairly. */
export interface RequestSource {
  /** The address of the connection, or its network; empty where that is not known. */
  readonly address: string;
  /** Distinguishes clients of one address, as far as possible. */
  readonly client: string;
}

/** How a token is to be authenticated. */
export interface AuthenticationRequest {
  /** Accept an expired token: it came with a valid service token. */
  readonly allowExpired?: boolean;
  /** Bypass the cache. */
  readonly fresh?: boolean;
  /** Requests without one count as of one source. */
  readonly source?: RequestSource;
}

/** Authenticates tokens. Authorization is not its task. */
export interface Authenticator {
  /** The value of `WWW-Authenticate` when a token is missing or invalid. */
  readonly challenge: string;
  /** Never throws for what a client sent. Returns cached results at once, without a promise. */
  authenticate(token: string, request?: AuthenticationRequest): Authentication | Promise<Authentication>;
  /**
   * Why it cannot validate tokens, in one line; undefined when it can. Not cached, and without a client's token. An
   * authenticator without dependencies has no such method.
   */
  check?(): Promise<string | undefined>;
}

/** Which images of a source to read. */
export interface SourceQuery {
  /** Hidden images, or the others: a source lists them apart. */
  readonly hidden: boolean;
  /** Only images that changed then or later; whole seconds. */
  readonly changedSince?: Date;
  /** Only images after this place, whose image may be deleted. */
  readonly after?: SourcePlace;
}

/** Some images of a source, in the order of their places. */
export interface SourcePage {
  readonly images: readonly SourceImage[];
  /** Images that no catalogue can hold, such as `image 70a5…: min_disk is -1; it must be …`. */
  readonly bad: readonly string[];
  /** The ids of those, where known. A mirror removes them. */
  readonly badIds?: readonly string[];
  /** The place after which the next page begins; undefined after the last page. */
  readonly next: SourcePlace | undefined;
  /** When the page was requested, by the source's clock, or earlier; unset where that is not known. */
  readonly requestedAt?: Date | undefined;
}

/** Whether a source lets a caller list images. */
export interface ListAccess {
  /** The caller's only roles. */
  readonly roles: readonly string[];
  readonly allowed: boolean;
}

/**
 * A service with the images of a cloud, which a catalogue mirrors. Each call ends within a bounded time, and sooner by
 * its signal. Every method throws `SourceUnavailable` of `@glimpse/domain` when the source is unavailable; a change
 * that was sent may have been made nevertheless.
 */
export interface ImageSource {
  /** The base of links to it; undefined while that is not known. */
  readonly url: string | undefined;

  /**
   * Why it does not show this service every image and every member, in one line; undefined when it does. Never cached:
   * the result holds for calls that ended before, and for none after.
   */
  missingReadAccess(signal?: AbortSignal): Promise<string | undefined>;

  /**
   * Why it would refuse every change through this service, whatever its caller may do, in one line; undefined when it accepts
   * changes. Never cached, and may need seconds. A source whose settings cannot be wrong in that way has no such method.
   */
  missingWriteAccess?(signal?: AbortSignal): Promise<string | undefined>;

  /**
   * Whether its own policy lets a caller with only a service role list images, to compare it with the policy of this
   * service. A source without such a policy has no such method.
   */
  listAccess?(signal?: AbortSignal): Promise<ListAccess>;

  /** A page of the images of all projects. The source bounds its length. */
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
   * A document in which it describes its Image API to clients. A source that has no such API has no such method.
   *
   * @returns null when it has no document of this name
   */
  document?(name: SourceDocumentName, signal?: AbortSignal): Promise<SourceDocument>;

  /**
   * Changes properties as the caller. The source authorizes the change.
   *
   * @param before the current properties, from which a replacement derives what to remove
   * @param token the caller's
   * @throws {ImageNotFound} {NotOwner} {QuotaExceeded} {ChangeRefused} {ChangeConflict}
   */
  changeProperties(
    id: string,
    change: PropertyChange,
    before: SourceImage['properties'],
    token: string,
    signal?: AbortSignal,
  ): Promise<void>;

  /** @throws {ImageNotFound} {NotOwner} {ImageProtected} {ChangeConflict} */
  deleteImage(id: string, token: string, signal?: AbortSignal): Promise<void>;
}

/** Bytes of an object, the first and the last one included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** An object of a store. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** An object of a store that is not complete. */
export type PartialObject = Pick<ListedObject, 'key' | 'modifiedAt'>;

/**
 * A store of image data. Its keys are UUIDs in lower case; no key is written twice. Each call ends within a bounded time,
 * but for the time in which the bytes of `write` are waited for, or those of `read` are not read. Every method throws
 * `DataUnavailable` or `DataTimeout` of `@glimpse/domain` when the store is unavailable.
 */
export interface ImageData {
  /** The most objects that are written at a time; unset: the service's own bound. */
  readonly maxUploads?: number;

  /**
   * Writes an object, which is durable once this resolves. If the bytes fail or the store does, there is no object. The
   * chunks may be kept until then: they are not the ones that `read` of another store uses again.
   *
   * @param length the number of bytes, if it is known
   * @throws {StoreFull} {DataTooLarge}, and what the bytes throw
   */
  write(key: string, bytes: AsyncIterable<Uint8Array>, length?: number): Promise<void>;

  /**
   * Opens an object. Its bytes are all those of the range, or the iteration throws. An iteration that is ended early, or
   * never begun, holds nothing. A chunk is valid until the next one is requested: its memory may be used again.
   */
  read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array>>;

  /** Deletes an object, and what was left of an attempt to write it. No error if there is none. */
  delete(key: string): Promise<void>;

  /** All objects, in any order; of those that are written or deleted meanwhile, some. */
  list(): AsyncIterable<ListedObject>;

  /**
   * The objects that are being written, and what is left of attempts whose process died; the time is that of the first
   * byte or of the last one. A store that leaves nothing has no such method.
   */
  listPartial?(): AsyncIterable<PartialObject>;

  /** Bytes that it accepts before it is full. A store that does not know has no such method. */
  freeBytes?(): Promise<number>;

  /** The text that says whose store it is; undefined while it has none. */
  readMarker(): Promise<string | undefined>;

  /** Sets that text where there is none. */
  writeMarker(text: string): Promise<void>;
}

/** The result of each kind of plugin. */
export interface PluginKinds {
  readonly 'image-extension': ImageExtension;
  readonly authenticator: Authenticator;
  readonly 'image-source': ImageSource;
  readonly 'image-data': ImageData;
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
  /** The class of its options, read by `readOptions`; a plugin without one has no options. */
  readonly options?: new () => O;
  create(options: O): PluginKinds[K] | Promise<PluginKinds[K]>;
}

/** Returns the plugin; only for the types of its literal. */
export function definePlugin<K extends PluginKind, O extends object>(plugin: Plugin<K, O>): Plugin<K, O> {
  return plugin;
}
