import { createHash } from 'node:crypto';
import { ownIteration, type PageDocument } from '@glimpse/domain';
import { tagOfDigest } from './image-documents.js';
import { PIECE_BYTES } from './unread-responses.js';

/** The most bytes of a list's document; it has at least one image, however large that is. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/** Characters of a document after which other requests are processed. */
const SLICE_LENGTH = 128 * 2 ** 10;

/**
 * Composes the document of a page of a list, `{"images":[...]...}`, up to its maximum size. A large one is composed,
 * encoded and hashed in slices; in each iteration of the event loop one slice, of whichever page.
 *
 * @param entryOf composes the JSON of an image
 * @param restOf the text after the images; receives the last image of a page that ended before the image that would
 *   make it too large, and undefined for a whole page
 */
export async function composePage<T>(
  images: readonly T[],
  entryOf: (image: T) => string,
  restOf: (endedAfter: T | undefined) => string,
): Promise<PageDocument> {
  const hash = createHash('sha256');
  const slices: Buffer[] = [];
  let endedAfter: T | undefined;
  let entriesBytes = 0;
  let text = '{"images":[';
  const endSlice = (): void => {
    const slice = Buffer.from(text);
    hash.update(slice);
    slices.push(slice);
    text = '';
  };
  for (const [at, image] of images.entries()) {
    const entry = entryOf(image);
    entriesBytes += Buffer.byteLength(entry) + 1;
    if (at > 0 && entriesBytes > MAX_PAGE_BYTES) {
      endedAfter = images[at - 1];
      break;
    }
    text += at === 0 ? entry : `,${entry}`;
    if (text.length < SLICE_LENGTH) continue;
    endSlice();
    await ownIteration();
  }
  text += restOf(endedAfter);
  endSlice();
  const body = slices.length === 1 ? slices[0]! : Buffer.concat(slices);
  // Node sends text in one write with the head. A larger body is sent in pieces, and all its responses share it.
  const bytes = body.length <= PIECE_BYTES ? body.toString('latin1') : body;
  return { bytes, tag: tagOfDigest(hash.digest('base64url')) };
}
