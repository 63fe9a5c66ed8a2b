import type { ImageCriteria, Viewer } from '@glimpse/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { ListQuery, type ListPlan, type ListRow } from './list-query.js';
import { migrate } from '../migrations/migrate.js';
import type { Statement } from '../statement.js';

/** The catalogue that benchmarks run on: see there for what is how often. */
const { fillCatalogue, CHANGED, NEWEST, PROJECTS } = (await import(
  new URL('../../../../tools/bench/catalogue.mjs', import.meta.url).href
)) as {
  fillCatalogue(client: pg.ClientBase, count: number): Promise<void>;
  CHANGED: string;
  NEWEST: string;
  PROJECTS: Readonly<Record<'large' | 'few' | 'member' | 'none', string>>;
};

const SMALL = 20_000;
const LARGE = 200_000;

/** The most buffers that a page of 25 touches, in a catalogue of any size; of each share that a filter compares. */
const MOST = { plain: 250, filtered: 6_000, share: 6 };

const VIEWERS: Readonly<Record<string, Viewer>> = {
  'a project with few images': { project: PROJECTS.few, admin: false },
  'a project with a fifth of all images': { project: PROJECTS.large, admin: false },
  'a project with many shares and no images': { project: PROJECTS.member, admin: false },
  'a project with nothing': { project: PROJECTS.none, admin: false },
  'a viewer without a project': { project: null, admin: false },
  'an administrator': { project: PROJECTS.none, admin: true },
  'an administrator with a fifth of all images': { project: PROJECTS.large, admin: true },
};

type Criteria = Omit<ImageCriteria, 'limit' | 'marker'>;

const PLAIN: Readonly<Record<string, Criteria>> = {
  'whatever there is': {},
  'what is public': { visibility: 'public' },
  'what is community': { visibility: 'community' },
  'what is shared': { visibility: 'shared' },
  'what is private': { visibility: 'private' },
};

/** Filters whose images an index finds, or that hold for so many that the first images show some. */
const FILTERED: Readonly<Record<string, Criteria>> = {
  'a rare name': { names: ['rare needle'] },
  'a common name': { names: ['ubuntu-24.04'] },
  'a name that others have': { names: ['snapshot'] },
  'an unknown name': { names: ['nothing'] },
  'several names': { names: ['rare needle', 'ubuntu-24.04', 'debian-24.04', 'nothing', 'alma-22.04'] },
  'the usual status': { statuses: ['active'] },
  'two statuses': { statuses: ['queued', 'saving'] },
  'a rare status': { statuses: ['importing'] },
  'no disk': { minDisk: { min: 0, max: 0 } },
  'some disk': { minDisk: { min: 10, max: 10 } },
  'a rare disk': { minDisk: { min: 77, max: 77 } },
  'some memory': { minRam: { min: 512, max: 512 } },
  'a rare memory': { minRam: { min: 777, max: 777 } },
  'recent changes': { changedSince: new Date(CHANGED) },
  'changes since ever': { changedSince: new Date('2020-01-01') },
  'a usual property': { properties: { architecture: 'x86_64' } },
  'a common property': { properties: { os_distro: 'ubuntu' } },
  'a rare property': { properties: { rare: 'needle' } },
  'a property of one image in two hundred': { properties: { release: 'r7' } },
  'a property of the oldest images alone': { properties: { era: 'old' } },
  'an unknown property': { properties: { rare: 'haystack' } },
  "a property that others' images have": { properties: { image_type: 'snapshot' } },
  'a common part of names': { search: 'ubuntu' },
  'a rare part of names': { search: 'needle' },
  'an unknown part of names': { search: 'haystack' },
  'a usual status and a rare property': { statuses: ['active', 'importing'], properties: { rare: 'needle' } },
};

/** Filters that are read on for, the further the larger the catalogue: what they find is far, or nowhere. */
const FAR: Readonly<Record<string, Criteria>> = {
  'a usual and a rare property': { properties: { architecture: 'x86_64', rare: 'needle' } },
  'two common properties that never meet': { properties: { os_distro: 'ubuntu', image_type: 'snapshot' } },
  'two common things that never meet': { names: ['ubuntu-24.04'], properties: { os_distro: 'debian' } },
  'a part of names without a trigram': { search: '---' },
};

let server: TemporaryDatabase;
const databases: Database[] = [];
const middles: string[] = [];
let smallUrl: string;
beforeAll(async () => {
  server = await openTemporary(['shared_buffers=256MB']);
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const count of [SMALL, LARGE]) {
    await admin.query(`CREATE DATABASE catalogue_${count}`);
    const url = new URL(server.url);
    url.pathname = `catalogue_${count}`;
    if (count === SMALL) smallUrl = url.toString();
    await migrate(url.toString());
    const client = new pg.Client({ connectionString: url.toString() });
    await client.connect();
    await fillCatalogue(client, count);
    await client.end();
    // Plans are compared here, and no times: a busy machine may take longer than the default.
    const database = openDatabase({ url: url.toString(), poolSize: 1, queryTimeoutMs: 60_000 });
    databases.push(database);
    middles.push(await findMiddle(database));
  }
  await admin.end();
}, 120_000);
afterAll(async () => {
  for (const database of databases) await database.close();
  await server?.close();
}, 60_000);

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `ARRAY[${value.map(literal).join(', ')}]`;
  if (typeof value === 'number') return String(value);
  return pg.escapeLiteral(value instanceof Date ? value.toISOString() : String(value));
}

/** Runs a statement by the plan that connections keep of it: its rows, and how it ran. */
async function run({ pool }: Database, { text, values }: Statement): Promise<[ListRow[], PlanNode]> {
  const execute = values.length === 0 ? 'list' : `list(${values.map(literal).join(', ')})`;
  await pool.query(`PREPARE list AS ${text}`);
  const { rows } = await pool.query<ListRow>(`EXECUTE ${execute}`);
  const explained = await pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE ${execute}`,
  );
  await pool.query('DEALLOCATE list');
  return [rows, explained.rows[0]!['QUERY PLAN'][0].Plan];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** What reading a page took. */
interface Reading {
  readonly buffers: number;
  /** Tables that were read as a whole. */
  readonly scans: readonly string[];
}

async function read(database: Database, criteria: ImageCriteria, viewer: Viewer): Promise<Reading> {
  const query = new ListQuery(criteria, viewer);
  let buffers = 0;
  const scans: string[] = [];
  for (let plan: ListPlan | undefined = query.first(); plan?.length;) {
    const [rows, top] = await run(database, query.statement(plan));
    plan = query.next(plan, rows);
    buffers += top['Shared Hit Blocks'] + top['Shared Read Blocks'];
    const whole = nodesOf(top).filter(
      (node) => node['Node Type'].includes('Seq Scan') && node['Relation Name'],
    );
    scans.push(...whole.map((node) => node['Relation Name']!));
  }
  return { buffers, scans };
}

/** An image halfway through a catalogue. */
async function findMiddle({ pool }: Database): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM images WHERE visibility = 'public' AND created_at <=
       (SELECT min(created_at) + ($1 - min(created_at)) / 2 FROM images) ORDER BY created_at DESC LIMIT 1`,
    [NEWEST],
  );
  return rows[0]!.id;
}

describe.each(Object.entries(VIEWERS))('a page for %s', (_, viewer) => {
  /** What the first page takes, and one in the middle: in the small catalogue, and in the large one. */
  async function readPages(criteria: Criteria): Promise<[small: Reading, large: Reading][]> {
    const pages = [];
    for (const deep of [false, true]) {
      const readings = [];
      for (const [n, database] of databases.entries()) {
        const marker = deep ? { marker: middles[n]! } : {};
        readings.push(await read(database, { limit: 25, ...criteria, ...marker }, viewer));
      }
      pages.push(readings as [Reading, Reading]);
    }
    return pages;
  }

  it.each(Object.entries(PLAIN))('of %s touches as little in a large catalogue', async (_, criteria) => {
    for (const [small, large] of await readPages(criteria)) {
      expect([...small.scans, ...large.scans]).toEqual([]);
      expect(large.buffers).toBeLessThan(MOST.plain);
      expect(large.buffers).toBeLessThan(1.5 * small.buffers + 50);
    }
  });

  // What others share with a project has no index but its order.
  const shares = viewer.project === PROJECTS.member ? LARGE / 20 : 0;

  it.each(Object.entries(FILTERED))('with %s touches as little in a large catalogue', async (_, criteria) => {
    for (const [small, large] of await readPages(criteria)) {
      expect([...small.scans, ...large.scans]).toEqual([]);
      expect(large.buffers).toBeLessThan(MOST.filtered + MOST.share * shares);
      expect(large.buffers).toBeLessThan(5 * small.buffers + 1_500 + MOST.share * shares);
    }
  });

  it.each(Object.entries(FAR))('with %s scans no table', async (_, criteria) => {
    expect((await read(databases[1]!, { limit: 25, ...criteria }, viewer)).scans).toEqual([]);
  });
});

describe('what a list reads', () => {
  /** Filters by what thousands of images of another project have, and some public ones. */
  const SECRETS: Readonly<Record<string, Criteria>> = {
    'a name': { names: ['secret'] },
    'several names': { names: ['secret', 'a', 'b', 'c', 'd', 'e'] },
    'a part of names': { search: 'secret' },
    'a part of names without a trigram': { search: '---' },
    'a status': { statuses: ['uploading'] },
    'a disk': { minDisk: { min: 78, max: 78 } },
    'a memory': { minRam: { min: 778, max: 778 } },
    'changes since': { changedSince: new Date('2026-11-20') },
    'a property': { properties: { secret: 'x' } },
    'two properties': { properties: { secret: 'x', architecture: 'x86_64' } },
    'a property and a status': { properties: { secret: 'x' }, statuses: ['uploading'] },
  };
  const TENANTS = Object.entries(VIEWERS).filter(([, { admin }]) => !admin);

  async function readAll(): Promise<Record<string, number>> {
    const buffers: Record<string, number> = {};
    for (const [name, criteria] of Object.entries(SECRETS)) {
      for (const [tenant, viewer] of TENANTS) {
        for (const visibility of [undefined, 'community', 'shared', 'private'] as const) {
          const reading = await read(
            databases[0]!,
            { limit: 25, ...criteria, ...(visibility && { visibility }) },
            viewer,
          );
          buffers[`${name}, ${visibility}, ${tenant}`] = reading.buffers;
        }
      }
    }
    return buffers;
  }

  it('does not depend on what images that it may not show have', async () => {
    const before = await readAll();
    const client = new pg.Client({ connectionString: smallUrl });
    await client.connect();
    await client.query(`
      INSERT INTO images (id, name, status, visibility, owner, min_disk, min_ram, properties, created_at, updated_at)
      SELECT gen_random_uuid(), 'secret', 'uploading', CASE WHEN n % 2 = 0 THEN 'shared' ELSE 'private' END, 'other',
             78, 778, '{"secret": "x", "architecture": "x86_64"}', '2026-10-01', '2026-11-21'
      FROM generate_series(1, 5000) AS n`);
    await client.query('VACUUM (ANALYZE) images, image_properties');
    await client.end();
    const after = await readAll();
    const grown = Object.keys(after).filter((list) => after[list]! > 1.2 * before[list]! + 20);
    expect(grown.map((list) => [list, before[list], after[list]])).toEqual([]);
  }, 120_000);
});
