import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ImageNotFound,
  MEMBER_STATUSES,
  MarkerNotFound,
  VISIBILITIES,
  type Catalogue,
  type MemberStatus,
  type SourceImage,
  type Viewer,
  type Visibility,
} from '@glimpse/domain';
import { membersOf, sourceImageOf } from '@glimpse/domain/testing';
import fc from 'fast-check';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { importImages, importMembers } from './import.js';
import { migrate } from '../migrations/migrate.js';

let server: TemporaryDatabase;
let database: Database;
let catalogue: Catalogue;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
  catalogue = storedCatalogue(database, {
    onUnavailable: (error) => {
      throw error;
    },
  });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

type Members = Readonly<Record<string, MemberStatus>>;

function image(differences: Partial<SourceImage> = {}): SourceImage {
  const createdAt = new Date('2026-01-02T03:04:05.678Z');
  return sourceImageOf({
    id: randomUUID(),
    name: 'image',
    visibility: 'private',
    minDisk: 2,
    minRam: 3,
    createdAt,
    updatedAt: createdAt,
    ...differences,
  });
}

async function store(images: readonly SourceImage[], members: ReadonlyMap<string, Members>): Promise<void> {
  const client = await database.pool.connect();
  try {
    await importImages(client, images, false);
    const shares = [...members].map(([imageId, of]) => ({ imageId, members: membersOf(of) }));
    await importMembers(client, shares);
  } finally {
    client.release();
  }
}

/** The relation of a viewer to an image that has an owner. */
type Relation = 'owner' | MemberStatus | 'stranger' | 'no project';

const EVERY_RELATION: Readonly<Record<Relation, boolean>> = {
  owner: true,
  accepted: true,
  pending: true,
  rejected: true,
  stranger: true,
  'no project': true,
};
const OWNER_ALONE = {
  ...EVERY_RELATION,
  accepted: false,
  pending: false,
  rejected: false,
  stranger: false,
  'no project': false,
};

/** To whom an owned image is shown by id. An administrator sees all, and every viewer one without an owner. */
const SHOWN: Readonly<Record<Visibility, Readonly<Record<Relation, boolean>>>> = {
  public: EVERY_RELATION,
  community: EVERY_RELATION,
  shared: { ...OWNER_ALONE, accepted: true, pending: true, rejected: true },
  private: OWNER_ALONE,
};

/** In whose lists an owned image stands while it is not hidden. */
const LISTED: typeof SHOWN = {
  public: EVERY_RELATION,
  community: OWNER_ALONE,
  shared: { ...OWNER_ALONE, accepted: true },
  private: OWNER_ALONE,
};

interface Described {
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly owner: string | null;
  readonly members: Members;
}

function relationOf({ owner, members }: Described, { project }: Viewer): Relation {
  if (project === null) return 'no project';
  if (project === owner) return 'owner';
  return members[project] ?? 'stranger';
}

function isShown(described: Described, viewer: Viewer): boolean {
  if (viewer.admin || described.owner === null) return true;
  return SHOWN[described.visibility][relationOf(described, viewer)];
}

function isListed(described: Described, viewer: Viewer): boolean {
  const { visibility, hidden } = described;
  if (hidden) return false;
  return (viewer.admin && visibility !== 'community') || LISTED[visibility][relationOf(described, viewer)];
}

describe('what is shown to whom', () => {
  const PROJECTS = ['a', 'b', 'c'];
  const project = fc.constantFrom(...PROJECTS);
  const described: fc.Arbitrary<Described> = fc.record({
    visibility: fc.constantFrom(...VISIBILITIES),
    hidden: fc.boolean(),
    owner: fc.option(project),
    members: fc.dictionary(project, fc.constantFrom(...MEMBER_STATUSES), { maxKeys: 3 }),
  });
  const VIEWERS: readonly Viewer[] = [null, ...PROJECTS, 'd'].flatMap((project) => [
    { project, admin: false },
    { project, admin: true },
  ]);

  it('is, by id, in lists and as a marker, that of the contract', async () => {
    const run = async (all: readonly Described[]): Promise<void> => {
      await database.pool.query('TRUNCATE images CASCADE');
      const images = all.map(({ members: _, ...rest }) => image(rest));
      await store(images, new Map(images.map(({ id }, index) => [id, all[index]!.members])));
      for (const viewer of VIEWERS) {
        const listed = (await catalogue.lister.images({ limit: 1000 }, viewer)).value.images.map(
          ({ id }) => id,
        );
        const answers = images.map(async ({ id }, index) => ({
          ...all[index],
          shown: await catalogue.reader.image(id, viewer).then(Boolean, isNot(ImageNotFound)),
          listed: listed.includes(id),
          marker: await catalogue.lister
            .images({ limit: 1, marker: id }, viewer)
            .then(Boolean, isNot(MarkerNotFound)),
        }));
        expect({ viewer, images: await Promise.all(answers) }).toEqual({
          viewer,
          images: all.map((one) => ({
            ...one,
            shown: isShown(one, viewer),
            listed: isListed(one, viewer),
            marker: isShown(one, viewer),
          })),
        });
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(described, { minLength: 1, maxLength: 30 }), run), {
      numRuns: 15,
    });
  }, 60_000);

  /** False where something was refused so, and only so. */
  function isNot(refusal: typeof ImageNotFound | typeof MarkerNotFound): (error: unknown) => false {
    return (error) => {
      if (!(error instanceof refusal)) throw error;
      return false;
    };
  }
});

it('is listed as it is by its id, members and all', async () => {
  const one = image({
    name: 'Überraschung ☕ 日本',
    status: 'queued',
    visibility: 'shared',
    size: 2 ** 52,
    diskFormat: 'qcow2',
    containerFormat: 'bare',
    checksum: '9842cccb60cb5a48efcdbd33bdc9e7e1',
    hashAlgorithm: 'sha512',
    hashValue: '98243867',
    virtualSize: 2 ** 53 - 1,
    tags: ['', 'a,"b"{\\}', 'null', '\uffee', '\u{1f600}'],
    locations: { direct_url: 'file:///a', locations: [{ url: 'file:///a', metadata: { a: null } }] },
    properties: { 'a:b.c d': '', ключ: 'значение', '': 'nameless', kernel_id: null },
    updatedAt: new Date('2026-02-03T04:05:06.789Z'),
  });
  const other = one.id.replace(/^./, (first) => (first === '0' ? '1' : '0'));
  const two = image({
    id: other,
    shownId: other.toUpperCase(),
    name: null,
    owner: null,
    visibility: 'public',
    size: null,
  });
  await database.pool.query('TRUNCATE images CASCADE');
  await store([one, two], new Map([[one.id, { first: 'accepted', second: 'rejected' }]]));
  const viewer: Viewer = { project: 'first', admin: false };
  const {
    value: { images: listed },
  } = await catalogue.lister.images({ limit: 10 }, viewer);
  const alone = await Promise.all(listed.map(({ id }) => catalogue.reader.image(id, viewer)));
  expect(listed).toHaveLength(2);
  expect(listed).toEqual(alone.map(({ value }) => value));
  const { deleted: _, ...known } = one;
  expect(listed).toContainEqual({
    ...known,
    version: expect.any(BigInt),
    attributesCurrent: true,
    members: membersOf({ first: 'accepted', second: 'rejected' }),
  });
});
