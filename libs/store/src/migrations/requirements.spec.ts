import { expect, it } from '@jest/globals';
import type pg from 'pg';
import { requireMigratable } from './requirements.js';

/** What a database that can be migrated responds. */
const USABLE = {
  release: 18,
  version: '18.4',
  encoding: 'UTF8',
  database: 'glimpse',
  role: 'glimpse',
  path: 'public',
  schema: 'public',
  may_create: true,
  may_extend: true,
  trgm_available: true,
  trgm_schema: null,
  trgm_usable: null,
};

/** A server that cannot be run here: another release, or one without its contrib modules. */
function serverWith(findings: Partial<typeof USABLE>): Pick<pg.Pool, 'query'> {
  return { query: () => Promise.resolve({ rows: [{ ...USABLE, ...findings }] }) } as never;
}

it('accepts a database that can be migrated', async () => {
  await expect(requireMigratable(serverWith({}))).resolves.toBeUndefined();
});

it.each([
  [
    'a release that is too old',
    { release: 13, version: '13.22' },
    'it is PostgreSQL 13.22, and 14 is the oldest that is supported',
  ],
  [
    'a server without the extension',
    { trgm_available: false },
    'the extension pg_trgm is not installed on the server; install the contrib modules of its PostgreSQL',
  ],
])('refuses %s with the remedy', async (_, findings, problem) => {
  await expect(requireMigratable(serverWith(findings))).rejects.toThrow(
    `the database cannot be migrated: ${problem}`,
  );
});
