import { loadPolicy } from '@glimpse/auth';
import type { Catalogue, Identity, Image, ImageCriteria, ImageName } from '@glimpse/domain';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ImageLists } from './image-lists.js';
import { imageRules } from './image-rules.js';
import { Permissions } from './permissions.js';

const CALLER = { scope: { kind: 'none' }, roles: ['member'] } as unknown as Identity;
const COUNT = 25_000;
const idOf = (n: number): string => `aaaaaaaa-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** How often a list was read, and what for: a catalogue in memory of images that differ in `wanted`. */
let reads: { method: string; limit: number }[];
let text: string;
let time: number;
let readTakes: number;
beforeEach(() => {
  reads = [];
  text = '';
  time = 0;
  readTakes = 0;
});

function read(method: string, { limit, marker }: ImageCriteria, wanted: number): Image[] {
  reads.push({ method, limit });
  time += readTakes;
  const first = marker === undefined ? 0 : Number(marker.slice(-12)) + 1;
  return Array.from({ length: Math.min(limit, COUNT - first) }, (_, n) => {
    const number = first + n;
    return {
      id: idOf(number),
      shownId: idOf(number),
      name: `image ${number}`,
      properties: { wanted: number % wanted === wanted - 1 ? 'yes' : 'no', text },
    } as Partial<Image> as Image;
  });
}

/** @param wanted one in how many images has the property that the rule compares */
function listsOf(wanted: number, rule: string): ImageLists {
  const page = (images: Image[]) =>
    Promise.resolve({ source: 'fresh' as const, value: { images, truncated: false } });
  const lister = {
    images: (criteria: ImageCriteria) => page(read('images', criteria, wanted)),
    imageNames: (criteria: ImageCriteria) => page(read('names', criteria, wanted)),
  };
  const catalogue = { lister } as Partial<Catalogue> as Catalogue;
  const defaults = imageRules('own').map((one) => (one.name === 'get_image' ? { ...one, text: rule } : one));
  return new ImageLists(catalogue, new Permissions(loadPolicy({ defaults })), () => time);
}

const numbers = (images: readonly ImageName[]): number[] => images.map(({ id }) => Number(id.slice(-12)));

describe('a list', () => {
  it('reads one page where the rule does not depend on images, and no more of each than the list needs', async () => {
    const lists = listsOf(1, 'role:member');
    expect((await lists.page({ limit: 7 }, CALLER)).images).toHaveLength(7);
    expect((await lists.namesPage({ limit: 7 }, CALLER)).next).toBe(idOf(6));
    expect(reads).toEqual([
      { method: 'images', limit: 7 },
      { method: 'names', limit: 7 },
    ]);
  });

  it("reads hundreds of images at a time where the rule depends on each, whatever the client's limit", async () => {
    const lists = listsOf(1_000, `'yes':%(wanted)s`);
    const { images, next } = await lists.namesPage({ limit: 3 }, CALLER);
    expect(numbers(images)).toEqual([999, 1_999, 2_999]);
    expect(next).toBe(idOf(2_999));
    expect(reads).toHaveLength(15);
  });

  it('ends without a full page after 10,000 images, with a marker to go on after', async () => {
    const lists = listsOf(20_000, `'yes':%(wanted)s`);
    const first = await lists.page({ limit: 1 }, CALLER);
    expect(first).toMatchObject({ images: [], next: idOf(9_999) });
    expect(reads).toHaveLength(50);
    const second = await lists.page({ limit: 1, marker: first.next! }, CALLER);
    expect(numbers(second.images)).toEqual([19_999]);
    const last = await lists.page({ limit: 1, marker: second.next! }, CALLER);
    expect(last).toMatchObject({ images: [], next: undefined });
  });

  it('ends without a full page after two seconds, with a marker to go on after', async () => {
    readTakes = 300;
    const lists = listsOf(20_000, `'yes':%(wanted)s`);
    expect(await lists.page({ limit: 1 }, CALLER)).toMatchObject({ images: [], next: idOf(1_399) });
    expect(reads).toHaveLength(7);
  });

  it('keeps no more than some MiB of properties for a page', async () => {
    text = 'x'.repeat(60_000);
    const { images, next } = await listsOf(1, `'yes':%(wanted)s`).page({ limit: 1_000 }, CALLER);
    expect(images.length * text.length).toBeLessThan(5 * 2 ** 20);
    expect(images.length).toBeGreaterThan(50);
    expect(next).toBe(images.at(-1)!.id);
  });
});
