import {
  IMAGE_STATUSES,
  MEMBER_STATUSES,
  SORT_ATTRIBUTES,
  VISIBILITIES,
  type ImageCriteria,
  type MemberStatus,
  type NumberRange,
  type SortKey,
  type TimeComparison,
  type Viewer,
} from '@glimpse/domain';
import { listOf, membersOf, sourceImageOf, type ListedImage } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { importImages, importMembers } from '../images/import.js';
import { ListQuery, type ListPlan, type ListRow } from './list-query.js';
import { migrate } from '../migrations/migrate.js';
import { isSorted, sortedListStatement } from './sorted-list.js';

const PROJECTS = ['a', 'b', 'c'];
const VIEWERS: readonly Viewer[] = [null, ...PROJECTS].flatMap((project) => [
  { project, admin: false },
  { project, admin: true },
]);
const NAMES = ['debian', 'Debian 12', 'ubuntu', '100%', 'under_score', '--', 'größe', 'Ωmega-b', null];
const UNKNOWN_ID = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
const SEED = 20261130;

/** Times repeat, so that the order by id matters. */
const time = fc
  .integer({ min: 0, max: 99 })
  .map((n) => new Date(Date.UTC(2026, 0, 1, 0, 0, n, (n * 130) % 1000)));

const stored = fc
  .record({
    id: fc.uuid({ version: 4 }),
    name: fc.constantFrom(...NAMES),
    status: fc.oneof(fc.constant('active' as const), fc.constantFrom(...IMAGE_STATUSES)),
    visibility: fc.constantFrom(...VISIBILITIES),
    hidden: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    deleted: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    owner: fc.constantFrom(...PROJECTS, null),
    protected: fc.boolean(),
    size: fc.constantFrom(null, 0, 5, 2 ** 40),
    virtualSize: fc.constantFrom(null, 3, 2 ** 50),
    diskFormat: fc.constantFrom(null, 'raw', 'qcow2', 'Raw'),
    containerFormat: fc.constantFrom(null, 'bare', 'ovf'),
    checksum: fc.constantFrom(null, 'c1', 'C1'),
    hashAlgorithm: fc.constantFrom(null, 'sha512'),
    hashValue: fc.constantFrom(null, 'v1'),
    tags: fc.subarray(['', 'Größe', 'x', 'y']),
    minDisk: fc.constantFrom(0, 0, 10),
    minRam: fc.constantFrom(0, 512, 1024),
    properties: fc.dictionary(fc.constantFrom('os', 'arch'), fc.constantFrom('x', 'y', '')),
    createdAt: time,
    updatedAt: time,
  })
  .map((attributes) => sourceImageOf(attributes));
const images = fc.sample(stored, { numRuns: 600, seed: SEED });

const STATES: readonly MemberStatus[] = ['accepted', 'accepted', 'pending', 'rejected'];
const members = new Map(
  images.map(({ id }, index) => {
    const shares = PROJECTS.filter((_, project) => (index + project) % 2 === 0);
    return [
      id,
      membersOf(Object.fromEntries(shares.map((project, n) => [project, STATES[(index >> (1 + n)) % 4]!]))),
    ];
  }),
);

/** As the domain knows them. */
const known: readonly ListedImage[] = images.map((image) => ({
  ...image,
  version: 0n,
  attributesCurrent: true,
  members: members.get(image.id)!,
}));

/** The ids of a list, and none after a marker that the viewer may not see. */
function expected(criteria: ImageCriteria, viewer: Viewer): string[] {
  return listOf(known, criteria, viewer)?.map(({ id }) => id) ?? [];
}

const exactly = (value: number): NumberRange => ({ min: value, max: value });
const range = (...bounds: number[]): fc.Arbitrary<NumberRange> =>
  fc.oneof(
    fc.constantFrom(...bounds).map(exactly),
    fc.record(
      { min: fc.constantFrom(...bounds), max: fc.constantFrom(...bounds) },
      { requiredKeys: ['min'] },
    ),
    fc.record({ max: fc.constantFrom(...bounds) }),
  );
const comparison: fc.Arbitrary<TimeComparison> = fc.record({
  operator: fc.constantFrom('gt', 'gte', 'lt', 'lte', 'eq', 'neq'),
  time: time.map((one) => new Date(Math.floor(one.getTime() / 1000) * 1000)),
});
const formats = fc.uniqueArray(fc.constantFrom('raw', 'qcow2', 'none', '\0'), { maxLength: 3 });

/** The values of each filter; most hold for some of the images. */
const FILTERS = {
  names: fc.uniqueArray(fc.constantFrom('debian', 'ubuntu', '100%', '--', 'größe', 'none'), {
    maxLength: 6,
  }),
  search: fc.constantFrom('deb', 'EBIA', 'GRÖ', '00%', 'r_s', '-b', '---', 'none of them'),
  statuses: fc.uniqueArray(fc.constantFrom(...IMAGE_STATUSES), { maxLength: 6 }),
  minDisk: range(0, 10, 11, -1),
  minRam: range(0, 512, 2 ** 31),
  properties: fc.dictionary(fc.constantFrom('os', 'arch'), fc.constantFrom('x', '', 'z'), { minKeys: 1 }),
  changedSince: time,
  diskFormats: formats,
  containerFormats: fc.constant(['bare']),
  owner: fc.constantFrom('a', 'B', 'd'),
  protected: fc.boolean(),
  size: range(-1, 0, 5, 2 ** 40),
  virtualSize: range(3, Infinity),
  checksum: fc.constantFrom('c1', 'c'),
  hashAlgorithm: fc.constant('sha512'),
  hashValue: fc.constantFrom('v1', 'v'),
  tags: fc.uniqueArray(fc.constantFrom('x', 'y', '', 'Größe'), { minLength: 1 }),
  createdAt: comparison,
  updatedAt: comparison,
} satisfies { readonly [K in keyof ImageCriteria]?: fc.Arbitrary<unknown> };

type FilterName = keyof typeof FILTERS;
const FILTER_NAMES = Object.keys(FILTERS) as FilterName[];

/** Mostly so few filters that the list has images; sometimes all, so that one index scan after another is truncated. */
const filters = fc
  .oneof(
    { weight: 3, arbitrary: fc.shuffledSubarray(FILTER_NAMES, { maxLength: 2 }) },
    { weight: 1, arbitrary: fc.constant(FILTER_NAMES) },
  )
  .chain((names) =>
    fc.record(Object.fromEntries(names.map((name) => [name, FILTERS[name] as fc.Arbitrary<unknown>]))),
  );

const criteria: fc.Arbitrary<ImageCriteria> = fc
  .tuple(
    filters,
    fc.record(
      {
        limit: fc.constantFrom(1, 3, 25, 1000),
        marker: fc.constantFrom(...known.map(({ id }) => id)),
      },
      { requiredKeys: ['limit'] },
    ),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.record(
          {
            visibility: fc.constantFrom(...VISIBILITIES, 'all' as const),
            hidden: fc.boolean(),
            memberStatus: fc.constantFrom(...MEMBER_STATUSES, 'all' as const),
          },
          { requiredKeys: [] },
        ),
      },
    ),
  )
  .map(([filters, page, scope]) => ({ ...page, ...scope, ...filters }));
const ids = fc.uniqueArray(fc.constantFrom(...images.map(({ id }) => id), UNKNOWN_ID), { maxLength: 40 });

/** The number of images that were listed with each filter: a filter without any is not tested. */
class Listed {
  readonly #counts = new Map(Object.keys(FILTERS).map((name) => [name, 0]));

  add(criteria: ImageCriteria, count: number): void {
    for (const name of Object.keys(criteria)) {
      const before = this.#counts.get(name);
      if (before !== undefined) this.#counts.set(name, before + count);
    }
  }

  /** The filters that listed fewer images. */
  fewerThan(count: number): string[] {
    return [...this.#counts].filter(([, listed]) => listed < count).map(([name]) => name);
  }
}

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 2, queryTimeoutMs: 60_000 });
  const client = await database.pool.connect();
  // As they are made, the oldest first: what an index gathers in no order comes in this one.
  const inOrder = [...images].sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime());
  await importImages(client, inOrder, false);
  await importMembers(
    client,
    [...members].map(([imageId, of]) => ({ imageId, members: of })),
  );
  client.release();
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

it('is, whichever index scans it uses and wherever they are truncated, what filtering, sorting and cutting by hand gives', async () => {
  const ends = new Set<string>();
  const listed = new Listed();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...VIEWERS),
      criteria,
      fc.constantFrom(1, 2, 7),
      async (viewer, wanted, bound) => {
        const page = expected(wanted, viewer);
        const query = new ListQuery(wanted, viewer, bound);
        let rows: (ListRow & { readonly id: string })[] = [];
        let last: ListPlan = [];
        for (let plan: ListPlan | undefined = query.first(); plan?.length; plan = query.next(plan, rows)) {
          const { text, values } = query.statement((last = plan));
          ({ rows } = await database.pool.query<ListRow & { id: string }>(text, [...values]));
          const end = rows.findIndex((row) => row.truncated);
          const certain = (end < 0 ? rows : rows.slice(0, end)).map(({ id }) => id);
          expect(certain).toEqual(page.slice(0, end < 0 ? undefined : end));
        }
        for (const { scan, bound: end } of last)
          ends.add(`scan ${scan}, ${end > bound ? 'in a later attempt' : 'at once'}`);
        expect(rows.map(({ id }) => id)).toEqual(page);
        listed.add(wanted, page.length);
      },
    ),
    { numRuns: 1200, seed: SEED },
  );
  expect(listed.fewerThan(10)).toEqual([]);
  for (const scan of [0, 1, 2, 3]) expect(ends).toContain(`scan ${scan}, in a later attempt`);
  expect(ends).toContain('scan 0, at once');
}, 120_000);

/** Orders as the criteria have them: no attribute twice, and the id at the end. */
const order: fc.Arbitrary<readonly SortKey[]> = fc
  .uniqueArray(
    fc.record({
      attribute: fc.constantFrom(...SORT_ATTRIBUTES),
      direction: fc.constantFrom<SortKey['direction']>('asc', 'desc'),
    }),
    { selector: ({ attribute }) => attribute, maxLength: 4 },
  )
  .map((keys) => {
    const end = keys.findIndex(({ attribute }) => attribute === 'id');
    const last: SortKey = { attribute: 'id', direction: keys[0]?.direction ?? 'asc' };
    return end < 0 ? [...keys, last] : keys.slice(0, end + 1);
  });

it('is, in any order, what filtering, sorting and cutting by hand gives', async () => {
  const listed = new Listed();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...VIEWERS),
      criteria,
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ order }) },
        { weight: 1, arbitrary: fc.record({ ids, order }, { requiredKeys: ['ids'] }) },
      ),
      async (viewer, filters, sorted) => {
        const wanted = { ...filters, ...sorted };
        expect(isSorted(wanted)).toBe(true);
        const { text, values } = sortedListStatement(wanted, viewer) ?? {
          text: 'SELECT WHERE false',
          values: [],
        };
        const { rows } = await database.pool.query<{ id: string }>(text, [...values]);
        expect(rows.map(({ id }) => id)).toEqual(expected(wanted, viewer));
        listed.add(wanted, rows.length);
      },
    ),
    { numRuns: 400, seed: SEED },
  );
  expect(listed.fewerThan(1)).toEqual([]);
}, 120_000);
