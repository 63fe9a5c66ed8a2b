import type { Image, ImageCriteria, Viewer } from '@glimpse/domain';
import { listOf } from '@glimpse/domain/testing';
import type { CatalogueState } from './list-history.js';

/** A list that is requested, and what it requires. */
export interface Listing {
  readonly api: 'image' | 'compute';
  readonly target: string;
  readonly criteria: ImageCriteria;
  readonly entryOf: (image: Image) => unknown;
}

/** An image in a list of the Image API. */
interface ImageEntry extends Record<string, unknown> {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

/** An image in a list of the Compute API. */
interface ComputeEntry {
  readonly id: string;
  readonly name: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** The parts of an entry that suites compare: all but times and links. */
export function comparableList({ api }: Listing, text: string): string {
  const { images } = JSON.parse(text) as { images: (ImageEntry & ComputeEntry)[] };
  const entries = images.map((entry) =>
    api === 'image' ? imageEntry(entry) : [entry.id, entry.name, entry.metadata && pairs(entry.metadata)],
  );
  return JSON.stringify(entries);
}

/** The list as a caller should see it in a state of the catalogue. */
export function expectedList({ criteria, entryOf }: Listing, state: CatalogueState, viewer: Viewer): string {
  return JSON.stringify(listOf([...state.values()], criteria, viewer)!.map(entryOf));
}

function imageEntry(entry: ImageEntry): unknown[] {
  const { id, name, visibility, owner, os_hidden: hidden, tags } = entry;
  const properties = Object.fromEntries(Object.entries(entry).filter(([key]) => key.startsWith('key-')));
  return [id, name, visibility, owner, hidden, tags, pairs(properties)];
}

function pairs(properties: Readonly<Record<string, unknown>>): unknown[] {
  return Object.entries(properties).sort(([one], [other]) => (one < other ? -1 : 1));
}

const inImageApi = (image: Image): unknown[] => [
  ...[image.id, image.name, image.visibility, image.owner, image.hidden, image.tags],
  pairs(image.properties),
];

const imageList = (query: string, criteria: Partial<ImageCriteria>): Listing => ({
  ...{ api: 'image', target: `/v2/images?${query}`, entryOf: inImageApi },
  criteria: { limit: 25, ...criteria },
});

const BY_NAME = ['name', 'createdAt', 'id'].map(
  (attribute) => ({ attribute, direction: 'asc' }) as NonNullable<ImageCriteria['order']>[number],
);

/** @param marker the id of an image that every caller sees */
export function listings(marker: string): readonly Listing[] {
  return [
    imageList('limit=6', { limit: 6 }),
    imageList(`limit=4&marker=${marker}`, { limit: 4, marker }),
    imageList('limit=100&visibility=all&member_status=all', {
      ...{ limit: 100, visibility: 'all', memberStatus: 'all' },
    }),
    imageList('visibility=shared&member_status=pending', { visibility: 'shared', memberStatus: 'pending' }),
    imageList('os_hidden=true', { hidden: true }),
    imageList('tag=x&limit=3', { tags: ['x'], limit: 3 }),
    imageList('sort=name:asc&limit=8', { order: BY_NAME, limit: 8 }),
    {
      ...{ api: 'compute', target: '/v2.1/images?limit=5', criteria: { limit: 5 } },
      entryOf: ({ id, name }) => [id, name, undefined],
    },
    {
      ...{ api: 'compute', target: '/v2.1/images/detail', criteria: { limit: 1000 } },
      entryOf: ({ id, name, properties }) => [id, name, pairs(properties)],
    },
    {
      ...{ api: 'compute', target: '/v2.1/images/detail?property-key-0=v1' },
      criteria: { limit: 1000, properties: { 'key-0': 'v1' } },
      entryOf: ({ id, name, properties }) => [id, name, pairs(properties)],
    },
  ];
}
