import {
  IMAGE_STATUSES,
  VISIBILITIES,
  canSee,
  isListed,
  type Image,
  type ImageCriteria,
  type MemberStatus,
  type Viewer,
} from '@glimpse/domain';
import { membersOf, sourceImageOf } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { importImages, importMembers } from '../images/import.js';
import { ListQuery, type ListPlan, type ListRow } from './list-query.js';
import { migrate } from '../migrations/migrate.js';

const PROJECTS = ['a', 'b', 'c'];
const VIEWERS: readonly Viewer[] = [null, ...PROJECTS].flatMap((project) => [
  { project, admin: false },
  { project, admin: true },
]);
const NAMES = ['debian', 'Debian 12', 'ubuntu', '100%', 'under_score', '--', 'größe', 'Ωmega-b', null];
const SEED = 20261124;

/** Times repeat, so that the order by id matters. */
const time = fc.integer({ min: 0, max: 99 }).map((n) => new Date(Date.UTC(2026, 0, 1, 0, n)));

const stored = fc
  .record({
    id: fc.uuid({ version: 4 }),
    name: fc.constantFrom(...NAMES),
    status: fc.oneof(fc.constant('active' as const), fc.constantFrom(...IMAGE_STATUSES)),
    visibility: fc.constantFrom(...VISIBILITIES),
    hidden: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    deleted: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    owner: fc.constantFrom(...PROJECTS, null),
    protected: fc.constant(false),
    size: fc.constant(null),
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

/** As the domain knows them, in the order of lists. */
const known: readonly (Image & { readonly deleted: boolean })[] = images
  .map((image) => ({ ...image, version: 0n, members: members.get(image.id)! }))
  .sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1));

function fulfils(image: Image, criteria: ImageCriteria): boolean {
  const { names, search, statuses, minDisk, minRam, properties = {}, changedSince } = criteria;
  return (
    (!names || (image.name !== null && names.includes(image.name))) &&
    (!search || (image.name?.toLowerCase().includes(search.toLowerCase()) ?? false)) &&
    (!statuses || statuses.includes(image.status)) &&
    (minDisk === undefined || image.minDisk === minDisk) &&
    (minRam === undefined || image.minRam === minRam) &&
    Object.entries(properties).every(([key, value]) => image.properties[key] === value) &&
    (!changedSince || image.updatedAt! >= changedSince)
  );
}

/** The reference implementation of a list: filter, sort, slice. */
function expected(criteria: ImageCriteria, viewer: Viewer): string[] {
  const place = known.findIndex(({ id }) => id === criteria.marker);
  if (place >= 0 && !canSee(known[place]!, viewer)) return [];
  return known
    .slice(place + 1)
    .filter((image) => !image.deleted && isListed(image, viewer, criteria.visibility))
    .filter((image) => fulfils(image, criteria))
    .map(({ id }) => id)
    .slice(0, criteria.limit);
}

const criteria: fc.Arbitrary<ImageCriteria> = fc.record(
  {
    limit: fc.constantFrom(1, 3, 25, 1000),
    marker: fc.constantFrom(...known.map(({ id }) => id)),
    names: fc.uniqueArray(fc.constantFrom('debian', 'ubuntu', '100%', '--', 'größe', 'none'), {
      maxLength: 6,
    }),
    search: fc.constantFrom('deb', 'EBIA', 'GRÖ', '00%', 'r_s', '-b', '---', 'none of them'),
    statuses: fc.uniqueArray(fc.constantFrom(...IMAGE_STATUSES), { maxLength: 6 }),
    visibility: fc.constantFrom(...VISIBILITIES),
    minDisk: fc.constantFrom(0, 10, 11),
    minRam: fc.constantFrom(0, 512),
    properties: fc.dictionary(fc.constantFrom('os', 'arch'), fc.constantFrom('x', '', 'z'), { minKeys: 1 }),
    changedSince: time,
  },
  { requiredKeys: ['limit'] },
);
/** With one or two filters most lists find something. */
const few = criteria.map((all) => {
  const { limit, marker, visibility, ...filters } = all;
  const kept = Object.entries(filters).slice(limit % 3, (limit % 3) + 2);
  return {
    limit,
    ...(marker && { marker }),
    ...(visibility && limit > 1 && { visibility }),
    ...Object.fromEntries(kept),
  };
});

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 2 });
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
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...VIEWERS),
      fc.oneof(criteria, few),
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
      },
    ),
    { numRuns: 1500, seed: SEED },
  );
  for (const scan of [0, 1, 2, 3]) expect(ends).toContain(`scan ${scan}, in a later attempt`);
  expect(ends).toContain('scan 0, at once');
}, 120_000);
