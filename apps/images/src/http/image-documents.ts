import { hash } from 'node:crypto';
import type { Image, ImageCache } from '@glimpse/domain';

/** A document about one image, ready to be sent. */
export interface ReadyDocument {
  /** UTF-8, one character per byte (Node's `latin1`), which Node sends in one write with the head. */
  readonly bytes: string;
  /** A strong validator: a hash of the bytes, so that it changes exactly when they do. */
  readonly tag: string;
  /** The value of `Last-Modified`. */
  readonly modified: string;
  /** The header fields of a 304, names and values in turn, and the additional ones of a 200. */
  readonly validators: readonly string[];
  readonly content: readonly string[];
}

/** The most documents that are cached for one image: clients choose the `Host` that links are built on. */
const MAX_DOCUMENTS = 16;
/** Estimated bytes of a cached document beyond its text. */
const OVERHEAD_BYTES = 900;

/** A strong validator of a body. */
export function entityTagOf(body: Buffer): string {
  return tagOfDigest(hash('sha256', body, 'base64url'));
}

/** The same, from the SHA-256 of the body in base64url. */
export function tagOfDigest(digest: string): string {
  return `"${digest.slice(0, 27)}"`;
}

/** Serializes a document about an image. */
export function readyDocument(document: object, image: Image): ReadyDocument {
  const body = Buffer.from(JSON.stringify(document));
  const tag = entityTagOf(body);
  const modified = (image.updatedAt ?? image.createdAt).toUTCString();
  return {
    bytes: body.toString('latin1'),
    tag,
    modified,
    validators: ['etag', tag, 'last-modified', modified],
    content: ['content-type', 'application/json', 'content-length', String(body.length)],
  };
}

/** An API's form of image documents. */
export interface DocumentForm<Base> {
  /** The document of an image, with links built on `base`. */
  viewOf(image: Image, base: Base): object;
  /** Whether two bases give the same links. */
  isSameBase(one: Base, other: Base): boolean;
}

/** The documents of images, built once for each base of their links, and cached for as long as the image is. */
export class ImageDocuments<Base> {
  /** The oldest first. Mostly there is one, so a search is faster than a map. */
  readonly #cached = new WeakMap<Image, { base: Base; document: ReadyDocument }[]>();

  constructor(
    private readonly form: DocumentForm<Base>,
    private readonly cache?: Pick<ImageCache, 'accountBytes'>,
  ) {}

  /** The document of an image, if it is cached. */
  cached(image: Image, base: Base): ReadyDocument | undefined {
    return this.#cached.get(image)?.find((each) => this.form.isSameBase(each.base, base))?.document;
  }

  of(image: Image, base: Base): ReadyDocument {
    return this.cached(image, base) ?? this.#make(image, base);
  }

  #make(image: Image, base: Base): ReadyDocument {
    const document = readyDocument(this.form.viewOf(image, base), image);
    if (!this.cache) return document;
    let documents = this.#cached.get(image);
    if (!documents) this.#cached.set(image, (documents = []));
    let bytes = bytesOf(document);
    if (documents.length >= MAX_DOCUMENTS) bytes -= bytesOf(documents.shift()!.document);
    documents.push({ base, document });
    this.cache.accountBytes(image, bytes);
    return document;
  }
}

function bytesOf({ bytes }: ReadyDocument): number {
  return OVERHEAD_BYTES + bytes.length;
}
