import { IMAGE_STATUSES, VISIBILITIES } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ListQuery } from './list.query.js';
import { InvalidInput, readQuery } from '../../http/validation.js';

type Query = Record<string, string | string[]>;

const criteriaOf = (query: Query): ListQuery['criteria'] => readQuery(ListQuery, query).criteria;

function complaintAbout(query: Query): string {
  try {
    criteriaOf(query);
  } catch (error) {
    if (error instanceof InvalidInput) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the criteria of a list', () => {
  it('are the first page without filters when there are no parameters', () => {
    expect(criteriaOf({})).toEqual({ limit: 1000 });
  });

  it.each<[Query, object]>([
    [{ limit: '2' }, { limit: 2 }],
    [{ limit: ' +2 ' }, { limit: 2 }],
    [{ limit: '0' }, {}],
    [{ limit: '-0' }, {}],
    [{ limit: '1000' }, {}],
    [{ limit: '1001' }, {}],
    [{ limit: '9'.repeat(400) }, {}],
    [{ limit: ['x', '3'] }, { limit: 3 }],
    [{ marker: 'abc' }, { marker: 'abc' }],
    [{ marker: '' }, {}],
    [{ name: '' }, { names: [''] }],
    [{ name: 'one' }, { names: ['one'] }],
    [{ name: ['one', 'other'] }, { names: ['other'] }],
    [{ name: 'in:' }, { names: [] }],
    [{ name: 'in:one,other' }, { names: ['one', 'other'] }],
    [{ name: 'in:"a,b",c' }, { names: ['a,b', 'c'] }],
    [{ name: String.raw`in:"say \"so\"",b` }, { names: ['say "so"', 'b'] }],
    [{ status: 'ACTIVE' }, { statuses: ['active'] }],
    [{ status: 'active' }, { statuses: ['active'] }],
    [{ status: 'SAVING' }, { statuses: ['queued', 'saving'] }],
    [{ status: 'Active' }, { statuses: [] }],
    [{ status: 'nonsense' }, { statuses: [] }],
    [
      { minRam: '0', minDisk: '2147483647' },
      { minRam: { min: 0, max: 0 }, minDisk: { min: 2147483647, max: 2147483647 } },
    ],
    [{ visibility: 'private' }, { visibility: 'private' }],
    [{ search: 'deb' }, { search: 'deb' }],
    [{ search: '✓✓✓' }, { search: '✓✓✓' }],
    [{ type: 'snapshot' }, { properties: { image_type: 'snapshot' } }],
    [{ server: 'abc' }, { properties: { instance_uuid: 'abc' } }],
    [{ server: 'http://h/v2.1/servers/abc' }, { properties: { instance_uuid: 'abc' } }],
    [{ 'property-os': 'debian' }, { properties: { os: 'debian' } }],
    [{ 'property-os': 'a', type: 'b' }, { properties: { os: 'a', image_type: 'b' } }],
    [{ 'property-': 'a' }, { properties: { '': 'a' } }],
    [{ unknown: 'x', parameters: 'y', criteria: 'z', constructor: 'c', names: 'n' }, {}],
  ])('of %j are %j', (query, criteria) => {
    expect(criteriaOf(query)).toEqual({ limit: 1000, ...criteria });
  });

  it('accept a time in any form of ISO 8601', () => {
    expect(criteriaOf({ 'changes-since': '20261124T022835Z' })).toEqual({
      limit: 1000,
      changedSince: new Date('2026-11-24T02:28:35Z'),
    });
  });

  it('find by each displayed status what is shown as it, and by each of Glance just that', () => {
    const shown = ['ACTIVE', 'SAVING', 'DELETED', 'ERROR', 'UNKNOWN'].flatMap(
      (status) => criteriaOf({ status }).statuses,
    );
    expect(shown.toSorted()).toEqual([...IMAGE_STATUSES].sort());
    for (const status of IMAGE_STATUSES) expect(criteriaOf({ status }).statuses).toEqual([status]);
  });

  it('find for any names what was meant', () => {
    const name = fc.string({ minLength: 1 });
    const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        expect(criteriaOf({ name: `in:${names.map(quoted).join(',')}` }).names).toEqual(names);
      }),
    );
  });
});

describe('a list refuses', () => {
  it.each<[Query, string]>([
    [{ limit: '' }, 'limit must be an integer'],
    [{ limit: 'x' }, 'limit must be an integer'],
    [{ limit: '1.5' }, 'limit must be an integer'],
    [{ limit: '0x10' }, 'limit must be an integer'],
    [{ limit: '1e3' }, 'limit must be an integer'],
    [{ limit: '٣' }, 'limit must be an integer'],
    [{ limit: '-1' }, 'limit must be >= 0'],
    [{ limit: ['1', '-1'] }, 'limit must be >= 0'],
    [{ minRam: '' }, "minRam must be a whole number from 0 to 2147483647, not ''"],
    [{ minRam: '-1' }, "minRam must be a whole number from 0 to 2147483647, not '-1'"],
    [{ minDisk: '2147483648' }, "minDisk must be a whole number from 0 to 2147483647, not '2147483648'"],
    [{ minDisk: '1.0' }, "minDisk must be a whole number from 0 to 2147483647, not '1.0'"],
    [{ visibility: 'all' }, `visibility must be one of ${VISIBILITIES.join(', ')}, not 'all'`],
    [{ visibility: '' }, `visibility must be one of ${VISIBILITIES.join(', ')}, not ''`],
    [{ search: 'ab' }, "search must have at least three characters, not 'ab'"],
    [{ search: '✓✓' }, "search must have at least three characters, not '✓✓'"],
  ])('%j, and names the allowed values', (query, complaint) => {
    expect(complaintAbout(query)).toBe(`Invalid input received: ${complaint}`);
  });

  it.each(['', 'yesterday', '2026-02-30', 'Tue, 24 Nov 2026 02:28:35 GMT'])('the time %j', (text) => {
    expect(complaintAbout({ 'changes-since': text })).toBe(
      `Invalid input received: changes-since must be an ISO 8601 time such as 2026-11-24T02:28:35Z, not '${text}'`,
    );
  });

  const manyProperties = (count: number): Query =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`property-${n}`, 'x']));
  const manyNames = (count: number): string => `in:${Array.from({ length: count }, (_, n) => n).join(',')}`;

  it.each<[string, Query]>([
    ['properties', manyProperties(33)],
    ['names', { name: manyNames(33) }],
    ['filters of different kinds', { ...manyProperties(31), status: 'ACTIVE', search: 'deb' }],
  ])('more than 32 %s, naming the limit', (_, query) => {
    expect(complaintAbout(query)).toBe('Invalid input received: a list takes at most 32 filters, not 33');
  });

  it('none for up to 32 filters, repeated or unknown parameters', () => {
    expect(Object.keys(criteriaOf(manyProperties(32)).properties!)).toHaveLength(32);
    expect(criteriaOf({ name: manyNames(32) }).names).toHaveLength(32);
    const repeated = { 'property-os': Array.from({ length: 500 }, () => 'x') };
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`unknown-${n}`, 'x']));
    expect(criteriaOf({ ...repeated, ...unknown }).properties).toEqual({ os: 'x' });
  });

  it('nothing but with InvalidInput, whatever the parameters', () => {
    const name = fc.constantFrom(
      'limit',
      'marker',
      'name',
      'status',
      'server',
      'changes-since',
      'minRam',
      'minDisk',
      'visibility',
      'search',
      'type',
      'property-x',
      '__proto__',
      'constructor',
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    const query = fc.dictionary(name, fc.oneof(value, fc.array(value, { minLength: 1 })));
    fc.assert(
      fc.property(query, (query) => {
        try {
          const { limit, changedSince } = criteriaOf(query);
          expect(limit).toBeGreaterThan(0);
          expect(limit).toBeLessThanOrEqual(1000);
          expect(Number.isNaN(changedSince?.getTime())).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
