import {
  IMAGE_STATUSES,
  VISIBILITIES,
  canSee,
  isListed,
  type Image,
  type MemberStatus,
  type Viewer,
} from '@glimpse/domain';
import { imageOf, membersOf } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCatalogue, importInto, settingsOf, type Person } from '../harness/catalogue.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { amount } from '../harness/long.js';
import { startService, type Service } from '../harness/service.js';

const PROJECTS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32));
const PEOPLE: Record<string, Person> = {
  a: { project_id: PROJECTS[0], roles: ['member'] },
  b: { project_id: PROJECTS[1], roles: ['reader'] },
  admin: { project_id: PROJECTS[3], roles: ['admin'] },
  unscoped: { roles: ['member'] },
  'unscoped-admin': { roles: ['admin'] },
};

const NAMES = ['debian', 'Debian 12', 'ubuntu', '100%', 'under_score', 'back\\slash', 'größe', 'a,b', null];
const VALUES = ['x86_64', 'aarch64', ''];

interface Document {
  id: string;
  name: string | null;
  status: (typeof IMAGE_STATUSES)[number];
  visibility: (typeof VISIBILITIES)[number];
  owner: string | null;
  os_hidden: boolean;
  min_disk: number;
  min_ram: number;
  created_at: string;
  updated_at: string;
  architecture?: string;
}

/** Times repeat, so that the order by id matters. */
const time = fc.integer({ min: 0, max: 40 }).map((n) => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString());

const document: fc.Arbitrary<Document> = fc.record(
  {
    id: fc.uuid({ version: 4 }),
    name: fc.constantFrom(...NAMES),
    status: fc.constantFrom(...IMAGE_STATUSES.filter((status) => status !== 'deleted')),
    visibility: fc.constantFrom(...VISIBILITIES),
    owner: fc.constantFrom(...PROJECTS, null),
    os_hidden: fc.boolean(),
    min_disk: fc.constantFrom(0, 0, 10),
    min_ram: fc.constantFrom(0, 512),
    created_at: time,
    updated_at: time,
    architecture: fc.constantFrom(...VALUES),
  },
  {
    requiredKeys: [
      'id',
      'name',
      'status',
      'visibility',
      'owner',
      'os_hidden',
      'min_disk',
      'min_ram',
      'created_at',
      'updated_at',
    ],
  },
);

const SEED = 20261124;
const documents = fc.sample(document, { numRuns: 300, seed: SEED });
const members = new Map(
  documents.map(({ id }, index) => {
    const states: MemberStatus[] = ['accepted', 'pending', 'rejected'];
    const shares = PROJECTS.filter((_, project) => (index + project) % 3 === 0);
    return [id, Object.fromEntries(shares.map((project, n) => [project, states[(index + n) % 3]!]))];
  }),
);

/** The images as the domain knows them, in the order of lists. */
const images: Image[] = documents
  .map((document) =>
    imageOf({
      id: document.id,
      name: document.name,
      status: document.status,
      visibility: document.visibility,
      hidden: document.os_hidden,
      owner: document.owner,
      minDisk: document.min_disk,
      minRam: document.min_ram,
      properties: (document.architecture === undefined
        ? {}
        : { architecture: document.architecture }) as Record<string, string>,
      createdAt: new Date(document.created_at),
      updatedAt: new Date(document.updated_at),
      members: membersOf(members.get(document.id)!),
    }),
  )
  .sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1));

/** What is shown as each status of the API. */
const SHOWN: Record<string, string[]> = {
  ACTIVE: ['active'],
  SAVING: ['queued', 'saving'],
  DELETED: ['pending_delete'],
  ERROR: ['killed'],
  UNKNOWN: ['uploading', 'importing', 'deactivated'],
  deactivated: ['deactivated'],
  bogus: [],
};

/** Forms of `changes-since` that Nova accepts, and the time that each means. */
const TIMES: Readonly<Record<string, string>> = {
  '2026-01-01T00:20:00Z': '2026-01-01T00:20:00Z',
  '2026-01-01T01:20:00+01:00': '2026-01-01T00:20:00Z',
  '20260101T002000Z': '2026-01-01T00:20:00Z',
  '2026-01-01T01': '2026-01-01T01:00:00Z',
  '2026-01-01': '2026-01-01T00:00:00Z',
  '2026-02': '2026-02-01T00:00:00Z',
};

/** Each filter: the values of its parameter, and their reference implementation. */
const FILTERS: Record<string, { values: string[]; holds: (image: Image, value: string) => boolean }> = {
  name: {
    values: ['debian', 'DEBIAN', '100%', 'under_score', 'a,b', 'in:debian,ubuntu', 'in:"a,b",größe', ''],
    holds: ({ name }, value) =>
      ({ 'in:debian,ubuntu': ['debian', 'ubuntu'], 'in:"a,b",größe': ['a,b', 'größe'] })[value]?.includes(
        name!,
      ) ?? name === value,
  },
  search: {
    values: ['deb', 'EBIA', 'GRÖ', '00%', 'r_s', 'k\\s', 'none of them'],
    holds: ({ name }, value) => name !== null && name.toLowerCase().includes(value.toLowerCase()),
  },
  status: {
    values: Object.keys(SHOWN),
    holds: ({ status }, value) => SHOWN[value]!.includes(status),
  },
  minDisk: { values: ['0', '10', '11'], holds: ({ minDisk }, value) => minDisk === Number(value) },
  minRam: { values: ['0', '512'], holds: ({ minRam }, value) => minRam === Number(value) },
  'property-architecture': {
    values: VALUES,
    holds: ({ properties }, value) => properties['architecture'] === value,
  },
  type: { values: ['snapshot'], holds: () => false },
  'changes-since': {
    values: Object.keys(TIMES),
    holds: ({ updatedAt }, value) => updatedAt! >= new Date(TIMES[value]!),
  },
};

/** Half of the time, a value. */
const perhaps = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 1 });

/** So few filters that most lists have images. */
const query: fc.Arbitrary<Record<string, string>> = fc
  .shuffledSubarray(Object.keys(FILTERS), { maxLength: 2 })
  .chain((names) =>
    fc.record<Record<string, string | undefined>>({
      ...Object.fromEntries(names.map((name) => [name, fc.constantFrom(...FILTERS[name]!.values)])),
      visibility: perhaps(...VISIBILITIES),
      limit: perhaps('1', '3', '7', '50'),
      marker: perhaps(...images.map(({ id }) => id)),
      unknown: perhaps('ignored'),
    }),
  )
  .map((parameters) => {
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given) as Record<string, string>;
  });

function viewerOf(person: Person): Viewer {
  return { project: person.project_id ?? null, admin: person.roles.includes('admin') };
}

/** The reference implementation of a list: filter, sort, slice. */
function expected(person: Person, parameters: Record<string, string>): string[] {
  const viewer = viewerOf(person);
  const visibility = parameters['visibility'] as Image['visibility'] | undefined;
  const place = images.findIndex(({ id }) => id === parameters['marker']);
  return images
    .slice(place + 1)
    .filter((image) => isListed(image, viewer, visibility && { visibility }))
    .filter((image) =>
      Object.entries(FILTERS).every(
        ([name, { holds }]) => parameters[name] === undefined || holds(image, parameters[name]),
      ),
    )
    .map(({ id }) => id)
    .slice(0, Number(parameters['limit'] ?? 1000));
}

interface List {
  images: { id: string }[];
  images_links?: { rel: string; href: string }[];
}

let service: Service;
let check: CheckResponse;
let database: string;
beforeAll(async () => {
  database = await createCatalogue({
    images: documents,
    members: Object.fromEntries(
      [...members].map(([id, states]) => [
        id,
        Object.entries(states).map(([member_id, status]) => ({ member_id, status })),
      ]),
    ),
  });
  service = await startService(database, settingsOf(PEOPLE));
  check = await readDescription(service.url);
});
afterAll(() => service.stop());

async function list(person: string, url: string): Promise<{ status: number; body: List }> {
  const response = await fetch(url, { headers: { 'x-auth-token': person } });
  const text = await response.text();
  check('GET', url, response.status, text);
  return { status: response.status, body: JSON.parse(text) as List };
}

/** Follows the links from a first page to the last; returns the ids. */
async function followPages(
  person: string,
  first: string,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  for (let url: string | undefined = first; url !== undefined;) {
    const { status, body }: { status: number; body: List } = await list(person, url);
    expect(status).toBe(200);
    seen.push(...body.images.map(({ id }) => id));
    url = body.images_links?.[0]?.href;
    await between();
  }
  return seen;
}

describe('a list', () => {
  it('equals filtering, sorting and slicing all images', async () => {
    const listed: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(PEOPLE)),
        query,
        fc.boolean(),
        async (name, parameters, detail) => {
          const person = PEOPLE[name]!;
          const url = `${service.url}/v2.1/images${detail ? '/detail' : ''}?${new URLSearchParams(parameters).toString()}`;
          const { status, body } = await list(name, url);
          const marker = images.find(({ id }) => id === parameters['marker']);
          if (marker && !canSee(marker, viewerOf(person))) return expect(status).toBe(400);
          const ids = expected(person, parameters);
          expect(body.images.map(({ id }) => id)).toEqual(ids);
          expect(body.images_links !== undefined).toBe(
            ids.length > 0 && ids.length === Number(parameters['limit'] ?? 1000),
          );
          for (const name of Object.keys(parameters)) listed[name] = (listed[name] ?? 0) + ids.length;
        },
      ),
      { numRuns: amount(600, 1500), seed: SEED },
    );
    // A filter without images would not be tested; no image has a type.
    for (const name of Object.keys(FILTERS).filter((name) => name !== 'type')) {
      expect(listed[name]).toBeGreaterThan(100);
    }
  }, 120_000);

  it('shows everything once, page after page', async () => {
    for (const name of Object.keys(PEOPLE)) {
      for (const filter of ['', '&status=ACTIVE', '&visibility=community&search=deb']) {
        const parameters = Object.fromEntries(new URLSearchParams(filter));
        expect(await followPages(name, `${service.url}/v2.1/images?limit=4${filter}`)).toEqual(
          expected(PEOPLE[name]!, parameters),
        );
      }
    }
  });

  it('keeps the parameters and the project of the request in the link to the next page', async () => {
    const { body } = await list(
      'a',
      `${service.url}/v2.1/${PROJECTS[0]}/images/detail?status=ACTIVE&limit=1&property-x%20y=&limit=2`,
    );
    expect(body.images).toEqual([]);
    const first = await list(
      'a',
      `${service.url}/v2.1/${PROJECTS[0]}/images?status=ACTIVE&limit=1&foo=b%20r`,
    );
    expect(first.body.images_links).toEqual([
      {
        rel: 'next',
        href: `${service.url}/v2.1/${PROJECTS[0]}/images?foo=b+r&limit=1&status=ACTIVE&marker=${first.body.images[0]!.id}`,
      },
    ]);
  });

  it.each([
    ['limit=abc', 'Invalid input received: limit must be an integer'],
    ['limit=-1', 'Invalid input received: limit must be >= 0'],
    ['minRam=1.5', "Invalid input received: minRam must be a whole number from 0 to 2147483647, not '1.5'"],
    ['minDisk=-1', "Invalid input received: minDisk must be a whole number from 0 to 2147483647, not '-1'"],
    [
      'visibility=all',
      "Invalid input received: visibility must be one of public, community, shared, private, not 'all'",
    ],
    ['search=ab', "Invalid input received: search must have at least three characters, not 'ab'"],
    [
      'changes-since=2026-13-01',
      "Invalid input received: changes-since must be an ISO 8601 time such as 2026-11-24T02:28:35Z, not '2026-13-01'",
    ],
    ['marker=abc', 'marker [abc] not found'],
  ])('is refused with ?%s', async (parameters, message) => {
    const { status, body } = await list('a', `${service.url}/v2.1/images?${parameters}`);
    expect({ status, body }).toEqual({ status: 400, body: { badRequest: { code: 400, message } } });
  });

  it('shows what was there throughout once, while images come and go and markers are deleted', async () => {
    const staying = expected(PEOPLE['admin']!, {});
    let page = 0;
    /** Images that were added after the first page, to be deleted one by one. */
    const passing: string[] = [];
    const come = async (from: number): Promise<void> => {
      const documents = Array.from({ length: 5 }, (_, n) => ({
        id: `eeeeeeee-0000-4000-8000-${String(from + n).padStart(12, '0')}`,
        name: `new ${from + n}`,
        status: 'active',
        visibility: 'public',
        owner: PROJECTS[0],
        created_at: new Date(Date.UTC(2026, 0, 1, 0, ((from + n) * 7) % 41)).toISOString(),
      }));
      await importInto(database, documents);
      passing.push(...documents.map(({ id }) => id));
    };
    const remove = (id: string): Promise<Response> =>
      fetch(`${service.url}/v2.1/images/${id}`, { method: 'DELETE', headers: { 'x-auth-token': 'admin' } });
    const seen = await followPages('admin', `${service.url}/v2.1/images?limit=5`, async () => {
      page += 1;
      if (page <= 30 && page % 5 === 1) await come(page);
      // The newest one stays until others are added.
      if (passing.length > 1) expect((await remove(passing.shift()!)).status).toBe(204);
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => staying.includes(id))).toEqual(staying);

    const marker = staying[10]!;
    const rest = staying.slice(11, 16);
    expect((await remove(marker)).status).toBe(204);
    const { body } = await list('admin', `${service.url}/v2.1/images?limit=100&marker=${marker}`);
    expect(
      body.images
        .map(({ id }) => id)
        .filter((id) => staying.includes(id))
        .slice(0, 5),
    ).toEqual(rest);
  }, 120_000);
});
