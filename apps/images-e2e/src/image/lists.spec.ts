import {
  IMAGE_STATUSES,
  MEMBER_STATUSES,
  VISIBILITIES,
  type Image,
  type ImageCriteria,
  type SortKey,
  type Viewer,
} from '@glimpse/domain';
import { imageOf, listOf, membersOf } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { amount } from '../harness/long.js';
import { startService, type Service } from '../harness/service.js';

const PROJECTS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32));
const PEOPLE: Record<string, Person> = {
  a: { project_id: PROJECTS[0]!, roles: ['member'] },
  b: { project_id: PROJECTS[1]!, roles: ['reader'] },
  admin: { project_id: PROJECTS[3]!, roles: ['admin'] },
  unscoped: { roles: ['member'] },
};
const SEED = 20261129;

/** Times repeat, so that ties are broken by id. */
const time = fc.integer({ min: 0, max: 40 }).map((n) => new Date(Date.UTC(2026, 0, 1, 0, 0, n)));

const image: fc.Arbitrary<Image> = fc
  .record({
    id: fc.uuid({ version: 4 }),
    name: fc.constantFrom('debian', 'Debian 12', 'ubuntu:22.04', 'größe', 'a,b', '', null),
    status: fc.constantFrom(...IMAGE_STATUSES.filter((status) => status !== 'deleted')),
    visibility: fc.constantFrom(...VISIBILITIES),
    owner: fc.constantFrom(...PROJECTS, null),
    hidden: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    protected: fc.boolean(),
    size: fc.constantFrom(null, 0, 5, 2 ** 40),
    virtualSize: fc.constantFrom(null, 3),
    minDisk: fc.constantFrom(0, 0, 10),
    minRam: fc.constantFrom(0, 512),
    diskFormat: fc.constantFrom(null, 'raw', 'qcow2'),
    containerFormat: fc.constantFrom(null, 'bare', 'ovf'),
    checksum: fc.constantFrom(null, '0123456789abcdef0123456789abcdef'),
    hashAlgorithm: fc.constantFrom(null, 'sha512'),
    hashValue: fc.constantFrom(null, 'ff'),
    tags: fc.subarray(['x', 'y z']),
    properties: fc.dictionary(
      fc.constantFrom('architecture', 'search', 'x_min'),
      fc.constantFrom('x', 'in:a', ''),
    ),
    createdAt: time,
    updatedAt: time,
  })
  .map((attributes) => imageOf(attributes));

const images: readonly Image[] = fc.sample(image, { numRuns: 250, seed: SEED }).map((one, index) => ({
  ...one,
  members: membersOf(
    Object.fromEntries(
      PROJECTS.filter((project, n) => project !== one.owner && (index + n) % 3 === 0).map((project, n) => [
        project,
        MEMBER_STATUSES[(index + n) % 3]!,
      ]),
    ),
  ),
}));

/** An image as an import has it. */
function documentOf(image: Image): object {
  return {
    ...image.properties,
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    owner: image.owner,
    os_hidden: image.hidden,
    protected: image.protected,
    size: image.size,
    virtual_size: image.virtualSize,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    checksum: image.checksum,
    os_hash_algo: image.hashAlgorithm,
    os_hash_value: image.hashValue,
    tags: image.tags,
    created_at: image.createdAt.toISOString(),
    updated_at: image.updatedAt!.toISOString(),
  };
}

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

/** Values of each parameter, as they are sent, and what each requires. */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, Partial<ImageCriteria>>>>> = {
  name: {
    debian: { names: ['debian'] },
    'in:debian,"a,b",none': { names: ['debian', 'a,b'] },
    'eq:ubuntu:22.04': { names: ['ubuntu:22.04'] },
    'contains:EBIA': { search: 'ebia' },
    'contains:e': { search: 'e' },
    'in:': { names: [] },
    '': { names: [''] },
  },
  id: {
    [images[7]!.id.toUpperCase()]: { ids: [images[7]!.id] },
    [`in:${images[1]!.id},none,${images[9]!.id}`]: { ids: [images[1]!.id, images[9]!.id] },
    none: { ids: [] },
  },
  status: {
    active: { statuses: ['active'] },
    'in:queued,saving,bogus': { statuses: ['queued', 'saving'] },
    bogus: { statuses: [] },
  },
  disk_format: { raw: { diskFormats: ['raw'] }, 'in:raw,qcow2': { diskFormats: ['raw', 'qcow2'] } },
  container_format: { 'in:bare,': { containerFormats: ['bare'] } },
  size: { '5': { size: { min: 5, max: 5 } }, '0': { size: { min: 0, max: 0 } } },
  size_min: { '1': { size: { min: 1 } }, '-1': { size: { min: -1 } } },
  virtual_size_max: { '99999999999999999999': { virtualSize: { max: 1e20 } } },
  min_disk: { '10': { minDisk: { min: 10, max: 10 } }, '0': { minDisk: { min: 0, max: 0 } } },
  min_ram_max: { '+511': { minRam: { max: 511 } } },
  visibility: {
    ...Object.fromEntries(VISIBILITIES.map((visibility) => [visibility, { visibility }])),
    all: { visibility: 'all' },
  },
  member_status: {
    ...Object.fromEntries(MEMBER_STATUSES.map((memberStatus) => [memberStatus, { memberStatus }])),
    all: { memberStatus: 'all' },
  },
  os_hidden: { True: { hidden: true }, false: { hidden: false } },
  protected: { true: { protected: true }, false: { protected: false } },
  owner: { [PROJECTS[0]!]: { owner: PROJECTS[0]! }, [PROJECTS[1]!.toUpperCase()]: { owner: PROJECTS[1]! } },
  checksum: { '0123456789abcdef0123456789abcdef': { checksum: '0123456789abcdef0123456789abcdef' } },
  os_hash_algo: { sha512: { hashAlgorithm: 'sha512' } },
  os_hash_value: { ff: { hashValue: 'ff' }, f: { hashValue: 'f' } },
  tag: { x: { tags: ['x'] }, ' y z ': { tags: ['y z'] } },
  created_at: {
    'gte:2026-01-01T00:00:20Z': { createdAt: { operator: 'gte', time: at(20) } },
    'neq:2026-01-01T01:00:20+01:00': { createdAt: { operator: 'neq', time: at(20) } },
  },
  updated_at: {
    'gt:2026-01-01T00:00:20': { updatedAt: { operator: 'gt', time: at(20) } },
    'lte:2026-01-01 00:00:20': { updatedAt: { operator: 'lte', time: at(20) } },
    '20260101T000020Z': { updatedAt: { operator: 'eq', time: at(20) } },
  },
  architecture: {
    x: { properties: { architecture: 'x' } },
    'in:a': { properties: { architecture: 'in:a' } },
  },
  search: { x: { properties: { search: 'x' } } },
  x_min: { '': { properties: { x_min: '' } } },
  deleted: { true: {} },
};

const key = (text: string): SortKey => ({
  attribute: text.replace('-', '') as SortKey['attribute'],
  direction: text.startsWith('-') ? 'desc' : 'asc',
});

/** Orders, as they are requested, and their keys. */
const ORDERS: Readonly<Record<string, readonly string[]>> = {
  '': ['-createdAt', '-id'],
  'sort=name:asc': ['name', 'createdAt', 'id'],
  'sort=name': ['-name', '-createdAt', '-id'],
  'sort=size:asc,disk_format:desc': ['size', '-diskFormat', '-createdAt', '-id'],
  'sort=created_at:asc': ['createdAt', 'id'],
  'sort_key=id&sort_dir=asc': ['id'],
  'sort_key=status&sort_key=updated_at&sort_dir=asc': ['status', 'updatedAt', 'createdAt', 'id'],
  'sort_key=container_format&sort_key=name&sort_dir=desc&sort_dir=asc': [
    '-containerFormat',
    'name',
    '-createdAt',
    '-id',
  ],
};

interface Query {
  readonly text: string;
  readonly criteria: ImageCriteria;
}

const query: fc.Arbitrary<Query> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...Object.keys(PARAMETERS)), { maxLength: 3 }),
    fc.infiniteStream(fc.nat()),
    fc.constantFrom(...Object.keys(ORDERS)),
    fc.constantFrom(undefined, 0, 1, 3, 25, 1000),
    fc.option(fc.constantFrom(...images.map(({ id }) => id)), { nil: undefined, freq: 3 }),
  )
  .map(([names, choices, order, limit, marker]) => {
    const parameters = new URLSearchParams(order);
    const criteria = names.map((name) => {
      const values = Object.entries(PARAMETERS[name]!);
      const [value, required] = values[choices.next().value % values.length]!;
      parameters.append(name, value);
      return required;
    });
    if (limit !== undefined) parameters.append('limit', String(limit));
    if (marker !== undefined) parameters.append('marker', marker.toUpperCase());
    const properties = Object.assign({}, ...criteria.map((each) => each.properties)) as Record<
      string,
      string
    >;
    return {
      text: parameters.toString(),
      criteria: {
        ...(Object.assign({}, ...criteria) as object),
        size: sizeOf(criteria),
        properties,
        limit: limit ?? 25,
        order: ORDERS[order]!.map(key),
        ...(marker !== undefined && { marker }),
      } as ImageCriteria,
    };
  });

function sizeOf(criteria: readonly Partial<ImageCriteria>[]): ImageCriteria['size'] {
  const sizes = criteria.flatMap(({ size }) => size ?? []);
  return sizes.length === 0
    ? undefined
    : {
        min: Math.max(...sizes.map(({ min = -Infinity }) => min)),
        max: Math.min(...sizes.map(({ max = Infinity }) => max)),
      };
}

interface List {
  images: { id: string }[];
  first: string;
  next?: string;
}

let service: Service;
let check: CheckResponse;
beforeAll(async () => {
  const database = await createCatalogue({
    images: images.map(documentOf),
    members: Object.fromEntries(
      images.map(({ id, members }) => [
        id,
        [...members].map(([member_id, { status }]) => ({ member_id, status })),
      ]),
    ),
  });
  service = await startService(database, { ...settingsOf(PEOPLE), GLIMPSE_IMAGE_PORT: '0' });
  check = await readDescription(service.imageUrl);
});
afterAll(() => service.stop());

function viewerOf({ project_id, roles }: Person): Viewer {
  return { project: project_id ?? null, admin: roles.includes('admin') };
}

async function list(person: string, target: string): Promise<{ status: number; text: string; body: List }> {
  const response = await fetch(service.imageUrl + target, { headers: { 'x-auth-token': person } });
  const text = await response.text();
  check('GET', target, response.status, text);
  return { status: response.status, text, body: JSON.parse(text) as List };
}

const idsOf = ({ images }: { readonly images: readonly { readonly id: string }[] }): string[] =>
  images.map(({ id }) => id);

describe('a list of the Image API', () => {
  it('equals filtering, sorting and slicing all images', async () => {
    let shown = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(PEOPLE)), query, async (name, { text, criteria }) => {
        const expected = listOf(images, criteria, viewerOf(PEOPLE[name]!));
        const { status, body } = await list(name, `/v2/images?${text}`);
        expect(status).toBe(expected ? 200 : 400);
        if (!expected) return;
        shown += expected.length;
        expect(idsOf(body)).toEqual(expected.map(({ id }) => id));
        const next = expected.length > 0 && expected.length === criteria.limit ? expected.at(-1)!.id : null;
        expect(body.next === undefined ? null : new URL(body.next, 'x:/').searchParams.get('marker')).toBe(
          next,
        );
      }),
      { numRuns: amount(500, 2000), seed: SEED },
    );
    expect(shown).toBeGreaterThan(1_000);
  }, 120_000);

  it('shows each image once, page after page, in any order', async () => {
    for (const [at, order] of Object.keys(ORDERS).entries()) {
      const name = Object.keys(PEOPLE)[at % 4]!;
      for (const filter of ['', 'tag=x', 'visibility=all&member_status=all']) {
        const seen: string[] = [];
        const first = `/v2/images?limit=${filter === '' ? 9 : 4}&${filter}&${order}`;
        for (let target: string | undefined = first; target !== undefined;) {
          const { body }: { body: List } = await list(name, target);
          seen.push(...idsOf(body));
          target = body.next;
        }
        const scope = filter.startsWith('visibility')
          ? ({ visibility: 'all', memberStatus: 'all' } as const)
          : {};
        const criteria = { limit: 1000, order: ORDERS[order]!.map(key), ...scope };
        const expected = listOf(
          images,
          filter === 'tag=x' ? { ...criteria, tags: ['x'] } : criteria,
          viewerOf(PEOPLE[name]!),
        );
        expect(seen).toEqual(expected!.map(({ id }) => id));
      }
    }
  }, 120_000);

  it('requires all tags, and keeps each in its links', async () => {
    const { body } = await list('admin', '/v2/images?tag=x&tag=y%20z&limit=2&visibility=all');
    const expected = listOf(
      images,
      { limit: 2, tags: ['x', 'y z'], visibility: 'all' },
      viewerOf(PEOPLE['admin']!),
    )!;
    expect(idsOf(body)).toEqual(expected.map(({ id }) => id));
    expect(body.first).toBe('/v2/images?tag=x&tag=y+z&limit=2&visibility=all');
    expect(body.next).toBe(`${body.first}&marker=${expected[1]!.id}`);
  });

  it('is refused alike for a marker that does not exist and for one that the caller may not see', async () => {
    const secret = images.find(
      ({ owner, visibility }) => visibility === 'private' && owner !== null && owner !== PROJECTS[0],
    )!;
    const markers = ['', 'abc', 'ffffffff-ffff-4fff-8fff-ffffffffffff', secret.id];
    const responses = await Promise.all(markers.map((marker) => list('a', `/v2/images?marker=${marker}`)));
    expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(responses[0]!.status).toBe(400);
  });

  it.each([
    'limit=-1',
    'limit=1&limit=2',
    'sort=nosuch',
    'name=ubuntu:22.04',
    'size_min=abc',
    'min_ram=gte:100',
    'changes-since=2026-01-01',
    'visibility=bogus',
    Array.from({ length: 33 }, (_, n) => `tag=${n}`).join('&'),
  ])('is refused with ?%s', async (text) => {
    const { status, body } = await list('a', `/v2/images?${text}`);
    expect({ status, body }).toEqual({
      status: 400,
      body: { error: { code: 400, title: 'Bad Request', message: expect.any(String) } },
    });
  });

  it('finds nothing by text that no image can have', async () => {
    for (const text of ['name=%00', '%00=x', 'tag=%00', 'owner=%00', 'name=in:%00']) {
      expect((await list('admin', `/v2/images?${text}`)).body.images).toEqual([]);
    }
    const { body } = await list('admin', '/v2/images?name=in:%00,debian&limit=1000');
    expect(idsOf(body)).toEqual(
      listOf(images, { limit: 1000, names: ['debian'] }, viewerOf(PEOPLE['admin']!))!.map(({ id }) => id),
    );
  });

  it('begins after a marker that was deleted since, in the order of the list', async () => {
    const admin = viewerOf(PEOPLE['admin']!);
    const criteria = { limit: 1000, order: ['name', 'createdAt', 'id'].map(key) };
    const all = listOf(images, criteria, admin)!;
    const marker = all.findIndex(({ protected: isProtected }, at) => at > 20 && !isProtected);
    const { id } = all[marker]!;
    const deleted = await fetch(`${service.url}/v2.1/images/${id}`, {
      method: 'DELETE',
      headers: { 'x-auth-token': 'admin' },
    });
    expect(deleted.status).toBe(204);
    const { body } = await list('admin', `/v2/images?limit=1000&sort=name:asc&marker=${id}`);
    expect(idsOf(body)).toEqual(all.slice(marker + 1).map((image) => image.id));
  });
});
