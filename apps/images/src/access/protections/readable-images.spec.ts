import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import type { Image } from '@glimpse/domain';
import { PropertyView } from './property-view.js';
import { ReadableImages } from './readable-images.js';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

function image(): Image {
  return imageOf({
    owner: 'p1',
    properties: Object.fromEntries(NAMES.map((name) => [name, name])),
    createdAt: new Date(0),
  });
}

/** A caller who may read these, each of which has a rule of its own. */
function reading(...names: string[]): PropertyView {
  const read = NAMES.map((name) => names.includes(name));
  return new PropertyView({ create: read, read, update: read, delete: read }, (name) => NAMES.indexOf(name));
}

describe('an image as a caller reads it', () => {
  it('is the image itself where all of its properties may be read', () => {
    const stored = image();
    expect(new ReadableImages().of(stored, reading(...NAMES))).toBe(stored);
  });

  it('lacks what may not be read, and is the same for all who may read the same', () => {
    const images = new ReadableImages();
    const stored = image();
    const read = images.of(stored, reading('b', 'd'));
    expect(read).toEqual({ ...stored, properties: { b: 'b', d: 'd' } });
    expect(images.of(stored, reading('b', 'd'))).toBe(read);
    expect(images.of(stored, reading('b'))).not.toBe(read);
    expect(images.of(image(), reading('b', 'd'))).not.toBe(read);
    expect(stored.properties).toEqual(image().properties);
  });

  it('is cached in few forms, whose bytes, and those cached along with them, are accounted to the image', () => {
    const charged = new Map<Image, number>();
    const images = new ReadableImages({
      cached: () => undefined,
      accountBytes: (each, bytes) => void charged.set(each, (charged.get(each) ?? 0) + bytes),
    });
    const stored = image();
    const views = Array.from({ length: 31 }, (_, n) =>
      reading(...NAMES.filter((_name, bit) => n & (1 << bit))),
    );
    const forms = views.map((view) => images.of(stored, view));
    expect([...charged.keys()]).toEqual([stored]);
    const kept = views.filter((view, index) => images.of(stored, view) === forms[index]);
    expect(kept).toHaveLength(16);

    const before = charged.get(stored)!;
    images.accountBytes(forms[3]!, 1000);
    expect(charged.get(stored)).toBe(before + 1000);
    // The form of one view more is not kept, and so the cache counts nothing for it.
    images.accountBytes(forms[20]!, 1000);
    expect(charged.get(stored)).toBe(before + 1000);
  });
});
