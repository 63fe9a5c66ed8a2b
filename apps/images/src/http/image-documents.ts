import { hash } from 'node:crypto';
import type { Image, ImageCache } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import type { ImageExtension } from '@glimpse/plugins';
import { imageView } from '../compute/images/image.view.js';

/** A document about one image, ready to be sent. */
export interface Shown {
  /** UTF-8, a character for each byte, as Node's `latin1` has it: that is what goes out fastest. */
  readonly bytes: string;
  /** A strong validator: a hash of the bytes, so that it changes exactly when they do. */
  readonly tag: string;
  /** The value of `Last-Modified`. */
  readonly modified: string;
  /** The headers that name this version, as they stand in an answer. */
  readonly validators: string;
  /** Those that say what the bytes are. */
  readonly content: string;
}

/** The most documents that are kept of one image: whoever sends it can make up hosts. */
const MOST = 16;
/** Bytes that a kept document takes beside its own. */
const OVERHEAD = 700;

/** Makes a document about an image ready to be sent. */
export function shown(document: object, image: Image): Shown {
  const body = Buffer.from(JSON.stringify(document));
  const tag = `"${hash('sha256', body, 'base64url').slice(0, 27)}"`;
  const modified = (image.updatedAt ?? image.createdAt).toUTCString();
  return {
    bytes: body.toString('latin1'),
    tag,
    modified,
    validators: `etag: ${tag}\r\nlast-modified: ${modified}\r\n`,
    content: `content-type: application/json\r\ncontent-length: ${body.length}\r\n`,
  };
}

/** A document, and what its links are built on. */
interface Kept {
  readonly base: LinkBase;
  readonly document: Shown;
}

/** The documents of images, each made once for as long as its image is kept, and for each base of its links. */
export class ShownImages {
  /** The oldest first. Mostly there is one, so that to look at each is quicker than any key. */
  readonly #kept = new WeakMap<Image, Kept[]>();

  constructor(
    private readonly extensions: readonly ImageExtension[],
    private readonly cache?: Pick<ImageCache, 'accountBytes'>,
  ) {}

  /** The document of an image, if it was made before. */
  kept(image: Image, base: LinkBase): Shown | undefined {
    return this.#kept.get(image)?.find((each) => isSame(each.base, base))?.document;
  }

  of(image: Image, base: LinkBase): Shown {
    return this.kept(image, base) ?? this.#make(image, base);
  }

  #make(image: Image, base: LinkBase): Shown {
    const document = shown(imageView(image, base, this.extensions), image);
    if (!this.cache) return document;
    let documents = this.#kept.get(image);
    if (!documents) this.#kept.set(image, (documents = []));
    let charge = bytesOf(document);
    if (documents.length >= MOST) charge -= bytesOf(documents.shift()!.document);
    documents.push({ base, document });
    this.cache.accountBytes(image, charge);
    return document;
  }
}

/** Whether links are the same. The image service is the same for all of them. */
function isSame(one: LinkBase, other: LinkBase): boolean {
  return one.compute === other.compute && one.version === other.version && one.project === other.project;
}

function bytesOf({ bytes }: Shown): number {
  return OVERHEAD + bytes.length;
}
