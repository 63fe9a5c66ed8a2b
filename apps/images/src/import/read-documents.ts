import { membersOf, printableValue } from '@glimpse/glance';
import { JsonInput, type JsonValue } from './json-input.js';
import { UnreadableInput } from './unreadable-input.js';

/** The longest document of an image, in bytes. Glance's quota of 128 properties makes some 40,000. */
export const MAX_IMAGE_BYTES = 1_048_576;

/** The longest list of an image's members, in bytes: that of some 70,000. */
const MAX_MEMBERS_BYTES = 16 * MAX_IMAGE_BYTES;

/** One part of an input. */
export type DocumentReading =
  | {
      readonly kind: 'image';
      /** Counted from 1, among the images. */
      readonly position: number;
      readonly document: unknown;
    }
  | { readonly kind: 'members'; readonly imageId: string; readonly document: unknown }
  /** A part that is skipped, such as `image 3`; reading continues after it. */
  | { readonly kind: 'bad'; readonly subject: string; readonly reason: string };

/** Attributes of Glance's list that concern no image. */
const LIST_ATTRIBUTES: ReadonlySet<string> = new Set(['first', 'schema']);

/**
 * Reads Glance's documents out of a JSON text in UTF-8: a list `{"images": [...], "members": {"<image id>":
 * [...]}}` with either in any order, an array of image documents, or one image document. Memory holds one
 * document at a time, however long the input is. The contents of documents are not validated.
 *
 * @throws {UnreadableInput} the input is empty, broken, or ends too early; all before it has been yielded
 *
 * @example
 * for await (const reading of readDocuments(createReadStream('images.json'))) console.log(reading.kind);
 */
export async function* readDocuments(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<DocumentReading, void> {
  const input = new JsonInput(chunks);
  try {
    await input.passByteOrderMark();
    const first = await input.peek();
    if (first === '[') yield* readImages(input);
    else if (first === '{') yield* readObject(input);
    else if (first === '') throw new UnreadableInput(input.offset, 'the input is empty');
    else throw await input.unexpected('an object or an array of images');
    if ((await input.peek()) !== '') throw await input.unexpected('nothing more');
  } finally {
    await input.close();
  }
}

/**
 * Reads the object that is the whole input. It is a list if `images` is an array or `members` an object: in an image
 * document these would be properties, which are text.
 */
async function* readObject(input: JsonInput): AsyncGenerator<DocumentReading, void> {
  const attributes = new Map<string, JsonValue>();
  let size = 0;
  let isList = false;
  let images = 0;
  for await (const name of input.names(MAX_IMAGE_BYTES)) {
    const first = await input.peek();
    if (name === 'images' && first === '[') {
      isList = true;
      images += yield* readImages(input);
    } else if (name === 'members' && first === '{') {
      isList = true;
      yield* readMembers(input);
    } else {
      const start = input.offset;
      const value = await input.value(MAX_IMAGE_BYTES);
      size += name.length + input.offset - start;
      if (size <= MAX_IMAGE_BYTES) attributes.set(name, value);
    }
  }
  if (isList) yield* otherAttributes(attributes, images);
  else yield imageReading(1, asDocument(attributes, size));
}

/** @returns the number of images */
async function* readImages(input: JsonInput): AsyncGenerator<DocumentReading, number> {
  let position = 0;
  for await (const read of input.elements(MAX_IMAGE_BYTES)) yield imageReading(++position, read);
  return position;
}

async function* readMembers(input: JsonInput): AsyncGenerator<DocumentReading, void> {
  for await (const imageId of input.names(MAX_IMAGE_BYTES)) {
    const read = await input.value(MAX_MEMBERS_BYTES);
    if ('refusal' in read) yield { kind: 'bad', subject: membersOf(imageId), reason: read.refusal };
    else yield { kind: 'members', imageId, document: read.value };
  }
}

function imageReading(position: number, read: JsonValue): DocumentReading {
  if ('refusal' in read) return { kind: 'bad', subject: `image ${position}`, reason: read.refusal };
  return { kind: 'image', position, document: read.value };
}

/** Composes an image document from the attributes of an object that were read one by one. */
function asDocument(attributes: ReadonlyMap<string, JsonValue>, size: number): JsonValue {
  if (size > MAX_IMAGE_BYTES) return { refusal: `it is longer than ${MAX_IMAGE_BYTES} bytes` };
  const values: [string, unknown][] = [];
  for (const [name, read] of attributes) {
    if ('refusal' in read) return read;
    values.push([name, read.value]);
  }
  // Defines `__proto__` like any other name, as JSON.parse does.
  return { value: Object.fromEntries(values) };
}

function* otherAttributes(
  attributes: ReadonlyMap<string, JsonValue>,
  images: number,
): Generator<DocumentReading, void> {
  for (const [name, read] of attributes) {
    if (LIST_ATTRIBUTES.has(name)) continue;
    if (name !== 'next') {
      yield {
        kind: 'bad',
        subject: printableValue(name),
        reason: 'only "images" and "members" are imported',
      };
    } else if (!('value' in read) || read.value !== null) {
      yield { kind: 'bad', subject: 'the list continues', reason: moreImages(images) };
    }
  }
}

function moreImages(images: number): string {
  return (
    `these are the first ${images} images only, because "next" names a page of more, which is not imported; ` +
    'import every page, as docs/import.md shows'
  );
}
