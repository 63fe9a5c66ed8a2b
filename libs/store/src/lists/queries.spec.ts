import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NEWEST_FIRST, type ImageCriteria, type SortKey, type Viewer } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import { LISTED_COLUMNS } from '../images/image-columns.js';
import type { Statement } from '../statement.js';
import { ListQuery, markerStatement, type ListPlan } from './list-query.js';
import { isSorted, sortedListStatement } from './sorted-list.js';

/** The committed SQL of lists, so that a change of a statement shows in a diff. */
const FOLDER = fileURLToPath(new URL('../../queries/', import.meta.url));

/** `UPDATE_QUERIES=1` writes the files instead of comparing them. */
const isUpdate = process.env['UPDATE_QUERIES'] === '1';

const TENANT: Viewer = { project: 'project', admin: false };
const ADMIN: Viewer = { project: 'project', admin: true };
const NO_PROJECT: Viewer = { project: null, admin: false };
const NAME: SortKey = { attribute: 'name', direction: 'asc' };
const MARKER = '70a599e0-31e7-49b7-b260-868f441e862b';

const LISTS: Readonly<Record<string, readonly [Viewer, Omit<ImageCriteria, 'limit'>]>> = {
  'tenant-all': [TENANT, {}],
  'tenant-after-marker': [TENANT, { marker: MARKER }],
  'tenant-private': [TENANT, { visibility: 'private' }],
  'tenant-community': [TENANT, { visibility: 'community' }],
  'tenant-name': [TENANT, { names: ['debian'] }],
  'tenant-names': [TENANT, { names: ['a', 'b', 'c', 'd', 'e'] }],
  'tenant-status-active': [TENANT, { statuses: ['active'] }],
  'tenant-status-rare': [TENANT, { statuses: ['importing'] }],
  'tenant-disk-and-memory': [TENANT, { minDisk: { min: 10, max: 10 }, minRam: { min: 512, max: 512 } }],
  'tenant-changed-since': [TENANT, { changedSince: new Date('2026-01-01T00:00:00Z') }],
  'tenant-search': [TENANT, { search: 'deb' }],
  'tenant-search-without-trigram': [TENANT, { search: '---' }],
  'tenant-property': [TENANT, { properties: { os_distro: 'debian' } }],
  'tenant-properties-after-marker': [
    TENANT,
    { properties: { os_distro: 'debian', architecture: 'x86_64' }, marker: MARKER },
  ],
  'tenant-visibility-all': [TENANT, { visibility: 'all' }],
  'tenant-member-status-all': [TENANT, { visibility: 'shared', memberStatus: 'all' }],
  'tenant-hidden': [TENANT, { hidden: true, names: ['debian'] }],
  'tenant-attributes': [
    TENANT,
    {
      diskFormats: ['raw', 'qcow2'],
      containerFormats: ['bare'],
      owner: 'project',
      protected: false,
      size: { min: 5, max: 11 },
      virtualSize: { max: 10 },
      minDisk: { min: 1 },
      minRam: { max: 512 },
      checksum: 'checksum',
      hashAlgorithm: 'sha512',
      hashValue: 'value',
      tags: ['one', 'two'],
      createdAt: { operator: 'lt', time: new Date('2026-01-01T00:00:00Z') },
      updatedAt: { operator: 'neq', time: new Date('2026-01-01T00:00:00Z') },
    },
  ],
  'tenant-ids': [TENANT, { ids: [MARKER] }],
  'tenant-sorted-by-name': [TENANT, { order: [NAME, { attribute: 'id', direction: 'asc' }] }],
  'tenant-sorted-after-marker': [
    TENANT,
    {
      names: ['debian'],
      marker: MARKER,
      order: [NAME, { attribute: 'size', direction: 'desc' }, ...NEWEST_FIRST],
    },
  ],
  'tenant-hidden-sorted': [TENANT, { hidden: true, memberStatus: 'all', order: [NAME, ...NEWEST_FIRST] }],
  'admin-all': [ADMIN, {}],
  'admin-sorted-by-size': [ADMIN, { order: [{ attribute: 'size', direction: 'asc' }, ...NEWEST_FIRST] }],
  'admin-name': [ADMIN, { names: ['debian'] }],
  'no-project-all': [NO_PROJECT, {}],
};

/** The plans of all attempts, where every branch of each is truncated. */
function plansOf(query: ListQuery): ListPlan[] {
  const plans: ListPlan[] = [];
  const seen = new Set<string>();
  for (let plan: ListPlan | undefined = query.first(); plan;) {
    const key = plan.map(({ scan }) => scan).join();
    if (seen.has(key)) break;
    seen.add(key);
    plans.push(plan);
    const rows = plan.map((_, branch) => ({ branch, truncated: true, followed: false }));
    plan = query.next(plan, rows);
  }
  return plans;
}

/** A statement with its lines indented by their parentheses; the columns of an image are not repeated. */
function sqlOf({ text, values }: Statement): string {
  let depth = 0;
  const lines = text
    .replaceAll(LISTED_COLUMNS, '{columns}')
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter(Boolean)
    .map((line) => {
      const closing = /^\)+/.exec(line)?.[0].length ?? 0;
      const indented = '  '.repeat(Math.max(depth - closing, 0)) + line;
      depth += line.split('(').length - line.split(')').length;
      return indented;
    });
  return `-- ${JSON.stringify(values)}\n${lines.join('\n')};\n`;
}

function fileOf(viewer: Viewer, criteria: Omit<ImageCriteria, 'limit'>): string {
  if (isSorted(criteria)) return sqlOf(sortedListStatement({ limit: 25, ...criteria }, viewer)!);
  const query = new ListQuery({ limit: 25, ...criteria }, viewer);
  const attempts = plansOf(query).map((plan, at) => {
    const scans = plan.map(({ scan, bound }) => `scan ${scan} up to ${bound}`).join(', ');
    return `-- attempt ${at + 1}: ${scans}\n${sqlOf(query.statement(plan))}`;
  });
  return attempts.join('\n');
}

const FILES = new Map([
  ...Object.entries(LISTS).map(([name, list]) => [`${name}.sql`, fileOf(...list)] as const),
  ['tenant-all-names.sql', namesFile()],
  ['tenant-marker.sql', sqlOf(markerStatement(MARKER, TENANT))],
]);

function namesFile(): string {
  const query = new ListQuery({ limit: 25 }, TENANT);
  return sqlOf(query.namesStatement(query.first()));
}

describe('the SQL of lists', () => {
  if (isUpdate) mkdirSync(FOLDER, { recursive: true });

  it.each([...FILES])('is as committed in %s', (name, sql) => {
    const path = join(FOLDER, name);
    if (isUpdate) writeFileSync(path, sql);
    expect(existsSync(path) ? readFileSync(path, 'utf8') : 'missing: run with UPDATE_QUERIES=1').toBe(sql);
  });

  it('has no other files', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...FILES.keys()].sort());
  });
});
