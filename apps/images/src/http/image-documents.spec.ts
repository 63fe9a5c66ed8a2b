import type { Image } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import { imageView, isSameBase } from '../compute/images/image.view.js';
import { ImageDocuments, readyDocument } from './image-documents.js';

const IMAGE: Image = imageOf({ name: 'an image', size: 5 });

const FORM = { viewOf: (image: Image, base: LinkBase) => imageView(image, base, []), isSameBase };

function baseOf(host: string, changes: Partial<LinkBase> = {}): LinkBase {
  const image = 'http://image.example.com';
  return { compute: `http://${host}`, image, version: 'v2.1', project: undefined, ...changes };
}

/** Adds up what is charged. */
function account(): { copies: ConstructorParameters<typeof ImageDocuments>[1]; total: () => number } {
  let total = 0;
  return {
    copies: { accountBytes: (_, bytes) => void (total += bytes) },
    total: () => total,
  };
}

describe('the document of an image', () => {
  it('is made once for each base of its links, and again for the image’s next version', () => {
    const images = new ImageDocuments(FORM, account().copies);
    const bases = [
      baseOf('one'),
      baseOf('two'),
      baseOf('one', { version: 'v2' }),
      baseOf('one', { project: 'p' }),
      baseOf('one', { project: 'q' }),
    ];
    for (const base of bases) expect(images.cached(IMAGE, base)).toBeUndefined();
    const made = bases.map((base) => images.of(IMAGE, base));
    expect(new Set(made.map(({ bytes }) => bytes)).size).toBe(bases.length);
    bases.forEach((base, at) => expect(images.of(IMAGE, base)).toBe(made[at]));
    bases.forEach((base, at) => expect(images.cached(IMAGE, base)).toBe(made[at]));
    expect(images.cached({ ...IMAGE }, bases[0]!)).toBeUndefined();
  });

  it('has a character for each byte, and a tag that changes when they do', () => {
    const ascii = readyDocument({ name: 'an image' }, IMAGE);
    const wide = readyDocument({ name: 'é☃' }, IMAGE);
    expect(ascii.bytes).toBe('{"name":"an image"}');
    expect(wide.bytes).toBe('{"name":"Ã©â\x98\x83"}');
    expect(ascii.tag).toMatch(/^"[\w-]{27}"$/);
    expect(wide.tag).not.toBe(ascii.tag);
    expect(readyDocument({ name: 'an image' }, { ...IMAGE, version: 2n }).tag).toBe(ascii.tag);
    expect(ascii.modified).toBe('Thu, 01 Jan 2026 00:00:00 GMT');
  });

  it('is cached for few bases at a time, however many hosts clients name, and all cached bytes are charged', () => {
    const { copies, total } = account();
    const images = new ImageDocuments(FORM, copies);
    const one = images.of(IMAGE, baseOf('host-1000')).bytes.length;
    for (let host = 1001; host < 3000; host++) images.of(IMAGE, baseOf(`host-${host}`));
    const kept = Array.from({ length: 2000 }, (_, at) => images.cached(IMAGE, baseOf(`host-${1000 + at}`)));
    const documents = kept.filter((document) => document !== undefined);
    expect(documents).toHaveLength(16);
    expect(total()).toBeGreaterThan(16 * one);
    expect(total()).toBeLessThan(16 * (one + 1_000));
  });

  it('is not cached where images are not', () => {
    const images = new ImageDocuments(FORM);
    images.of(IMAGE, baseOf('one'));
    expect(images.cached(IMAGE, baseOf('one'))).toBeUndefined();
  });
});
