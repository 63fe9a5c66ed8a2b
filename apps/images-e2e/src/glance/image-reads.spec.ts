import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { amount } from '../harness/long.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { setTimes } from './harness/fill-glance.js';
import { GlanceClient, emptyGlance, type GlanceImage } from './harness/glance-client.js';
import { Mirror, withImageApi } from './harness/mirror.js';
import { PairedClient } from './harness/paired-client.js';

const SEED = 20261129;
const COUNT = 48;
const CALLERS = ['demo', 'reader', 'alt', 'admin'] as const;
type Caller = (typeof CALLERS)[number];

const time = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const text = (second: number): string => time(second).toISOString().replace('.000', '');

/**
 * Attributes of the image of this number. Text differs by more than case, accents and blanks at its end, which the
 * databases of Glance do not all compare.
 */
function attributesOf(n: number): Record<string, unknown> {
  const hidden = n % 6 === 5;
  return {
    id: `${((n * 2654435761) % 2 ** 32).toString(16).padStart(8, '0')}-0000-4000-9000-${String(n).padStart(12, '0')}`,
    name: ['debian12', 'ubuntu2404', 'alma9', `image${n}`][n % 4],
    disk_format: ['raw', 'qcow2', 'iso'][n % 3],
    container_format: ['bare', 'ovf'][n % 2],
    min_disk: [0, 0, 10][n % 3],
    min_ram: [0, 512][n % 2],
    protected: n % 7 === 0,
    ...(hidden && { os_hidden: true }),
    tags: [...(n % 2 ? ['odd'] : ['even']), ...(n % 5 ? [] : ['x y'])],
    ...(n % 3 === 0 && { kind: ['a', 'in:a', ''][n % 9 === 0 ? 0 : n % 2 ? 1 : 2] }),
    ...(n % 8 === 0 && { search: 'more' }),
  };
}

async function fill(cloud: Cloud): Promise<string[]> {
  const { people } = cloud;
  await emptyGlance(cloud);
  const as = (name: Caller): Promise<GlanceClient> => GlanceClient.as(cloud, people[name]);
  const [demo, alt, admin] = await Promise.all([as('demo'), as('alt'), as('admin')]);
  const owners = [
    { client: demo, other: alt, project: people.alt.projectId },
    { client: alt, other: demo, project: people.demo.projectId },
    { client: admin, other: demo, project: people.demo.projectId },
  ];
  const ids: string[] = [];
  const make = async (n: number): Promise<void> => {
    const visibility = ['shared', 'private', 'community', 'public', 'shared'][n % 5]!;
    const { client, other, project } = visibility === 'public' ? owners[2]! : owners[(n >> 1) % 3]!;
    const image: GlanceImage = await client.create({
      ...attributesOf(n),
      visibility,
      ...(client === admin && n % 4 === 0 && { owner: null }),
    });
    ids.push(image.id);
    if (n % 4 !== 3) await client.upload(image.id, 'x'.repeat(n % 4 === 0 ? 5 : n));
    if (visibility === 'shared') {
      await client.share(image.id, project);
      const status = ['accepted', 'rejected', 'pending'][n % 3]!;
      if (status !== 'pending') await other.accept(image.id, project, status);
    }
    if (n % 12 === 1) await admin.deactivate(image.id);
  };
  for (let n = 0; n < COUNT; n += 4) {
    await Promise.all([0, 1, 2, 3].map((offset) => make(n + offset)));
  }
  ids.sort();
  // Some were created in the same second.
  const times = ids.map((id, n) => ({ id, createdAt: time(n >> 1), updatedAt: time(60 + (n % 10)) }));
  setTimes(cloud, times);
  return ids;
}

/** Values of the parameters of lists. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  name: [
    'debian12',
    'in:alma9,image3',
    'in:"alma9","debian12"',
    'eq:ubuntu2404',
    'in:',
    '',
    'bad:alma9',
    'in:"a',
  ],
  status: ['active', 'queued', 'in:active,deactivated', 'bogus'],
  disk_format: ['raw', 'in:raw,iso'],
  container_format: ['ovf', 'eq:bare'],
  size: ['5', '0'],
  size_min: ['6', '-1', 'abc'],
  size_max: ['20', ' 5'],
  min_ram: ['512', '0', '-1'],
  min_disk_min: ['1'],
  virtual_size_max: ['1'],
  visibility: ['public', 'private', 'shared', 'community', 'all', 'bogus'],
  member_status: ['accepted', 'rejected', 'pending', 'all', 'bogus'],
  os_hidden: ['true', 'True', 'false', 'x'],
  protected: ['true', 'false', 'True'],
  checksum: ['fb0e22c79ac75679e9881e6ba183b354', 'nosuch'],
  os_hash_algo: ['sha512', 'md5'],
  tag: ['odd', 'x y', ' even ', 'nosuch'],
  created_at: [`gte:${text(9)}`, `lt:${text(9)}`, text(3), `neq:${text(3)}`, 'x', `in:${text(3)}`],
  updated_at: [`gt:${text(64)}`, `lte:${text(64)}`, 'gte:2026-01-01T01:01:04+01:00', '2026-01-01'],
  kind: ['a', 'in:a', '', 'b'],
  search: ['more'],
  deleted: ['true'],
  'changes-since': ['2026-01-01'],
};

/** Orders; none is by an attribute that some images lack, over which Glance's pages lose images. */
const ORDERS = [
  '',
  'sort=name:asc',
  'sort=name',
  'sort=status:asc,name:desc',
  'sort=created_at:asc',
  'sort_key=id&sort_dir=asc',
  'sort_key=disk_format&sort_dir=asc',
  'sort=updated_at:desc,container_format:asc',
  'sort=nosuch',
  'sort=name:sideways',
  'sort=name&sort_dir=asc',
];

interface Read {
  readonly caller: Caller;
  readonly order: string;
  readonly filters: readonly (readonly [string, string])[];
  readonly limit: string | undefined;
  readonly marker: number | undefined;
}

const read: fc.Arbitrary<Read> = fc.record({
  caller: fc.constantFrom(...CALLERS),
  order: fc.constantFrom(...ORDERS, '', ''),
  filters: fc.uniqueArray(
    fc
      .constantFrom(...Object.keys(PARAMETERS))
      .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...PARAMETERS[name]!))),
    { selector: ([name]) => name, maxLength: 2 },
  ),
  limit: fc.constantFrom(undefined, undefined, '0', '3', '10', '1000', '001', '-1', 'x'),
  marker: fc.option(fc.nat(), { nil: undefined, freq: 3 }),
});

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let ids: string[];
  const readers = {} as Record<Caller, PairedClient>;
  /** For each caller, the images that it may name as the marker of a list. */
  const markers = {} as Record<Caller, readonly string[]>;

  beforeAll(async () => {
    ids = await fill(cloud);
    mirror = await Mirror.start(cloud, withImageApi(cloud));
    for (const caller of CALLERS) {
      readers[caller] = await PairedClient.as(cloud, caller, mirror.service);
      const listed = await readers[caller].glance.list('limit=1000&visibility=all&member_status=all');
      markers[caller] = listed.map(({ id }) => id);
    }
    await mirror.isCaughtUp();
  }, 240_000);
  afterAll(() => mirror?.stop(), 30_000);

  it('answers generated lists as Glance does', async () => {
    let listed = 0;
    await fc.assert(
      fc.asyncProperty(read, async ({ caller, order, filters, limit, marker }) => {
        const parameters = new URLSearchParams(order);
        for (const [name, value] of filters) parameters.append(name, value);
        if (limit !== undefined) parameters.append('limit', limit);
        const known = markers[caller];
        if (marker !== undefined) parameters.append('marker', known[marker % known.length]!);
        const { status, body } = await readers[caller].read(`/v2/images?${parameters.toString()}`);
        if (status === 200) listed += (body as { images: unknown[] }).images.length;
      }),
      { numRuns: amount(150, 900), seed: SEED },
    );
    expect(listed).toBeGreaterThan(300);
  }, 600_000);

  it('answers whole lists, page after page, as Glance does', async () => {
    for (const [at, order] of ORDERS.slice(0, 8).entries()) {
      for (const filter of ['', '&visibility=all', '&os_hidden=true&tag=odd']) {
        let target: string | undefined = `/v2/images?limit=${filter === '' ? 7 : 4}${filter}&${order}`;
        while (target !== undefined) {
          const { body } = await readers[CALLERS[at % CALLERS.length]!].read(target);
          target = (body as { next?: string }).next;
        }
      }
    }
  }, 600_000);

  it('answers lists of what is shared as Glance does', async () => {
    for (const caller of CALLERS) {
      for (const status of PARAMETERS['member_status']!) {
        await readers[caller].read(`/v2/images?limit=1000&visibility=shared&member_status=${status}`);
      }
    }
  }, 600_000);

  it('answers images and their members as Glance does', async () => {
    const numbers = amount(12, COUNT);
    for (const id of [...ids.slice(0, numbers), 'ffffffff-ffff-4fff-8fff-ffffffffffff', 'abc']) {
      for (const caller of CALLERS) {
        await readers[caller].read(`/v2/images/${id}`);
        await readers[caller].read(`/v2/images/${id}/members`);
        await readers[caller].read(`/v2/images/${id}/members/${cloud.people.alt.projectId}`);
      }
    }
  }, 600_000);
}

describeWithGlance('the Image API of a mirror', suite);
