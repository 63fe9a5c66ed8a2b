import type { ImageCriteria, SortKey } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import { readListQuery } from './list-query.js';

const SIZES = { usual: 25, most: 1000 };
const ID = '70a599e0-31e7-49b7-b260-868f441e862b';

const read = (query: string): ImageCriteria => readListQuery(new URLSearchParams(query), SIZES);

/** The criteria without the limit. */
function filtersOf(query: string): Partial<ImageCriteria> {
  const { limit, ...filters } = read(query);
  expect(limit).toBe(SIZES.usual);
  return filters;
}

/** An order in short, such as `-name` for names descending. */
function orderOf(query: string): string[] | undefined {
  return read(query).order?.map(({ attribute, direction }: SortKey) =>
    direction === 'asc' ? attribute : `-${attribute}`,
  );
}

describe('the page of a list', () => {
  it.each([
    ['', 25],
    ['limit=0', 0],
    ['limit=001', 1],
    ['limit=%2B7', 7],
    ['limit=1000', 1000],
    ['limit=1001', 1000],
    ['limit=99999999999999999999', 1000],
  ])('has of ?%s the limit %i', (query, limit) => {
    expect(read(query).limit).toBe(limit);
  });

  it('has the usual limit only up to the maximum', () => {
    expect(readListQuery(new URLSearchParams(), { usual: 25, most: 10 }).limit).toBe(10);
  });

  it.each(['limit=-1', 'limit=', 'limit=abc', 'limit=1.5', 'limit=1e2', 'limit=0x10'])(
    'is refused with ?%s',
    (query) => {
      expect(() => read(query)).toThrow("The parameter 'limit'");
    },
  );

  it('begins after the marker, whatever it is', () => {
    expect(filtersOf(`marker=${ID}`)).toEqual({ marker: ID });
    expect(filtersOf('marker=')).toEqual({ marker: '' });
    expect(filtersOf('marker=abc')).toEqual({ marker: 'abc' });
  });

  it.each([
    'limit=1&limit=1',
    'marker=a&marker=b',
    'sort=name&sort=size',
    'member_status=all&member_status=all',
  ])('is refused with ?%s, which repeats a parameter', (query) => {
    expect(() => read(query)).toThrow('is allowed only once');
  });
});

describe('the order of a list', () => {
  it.each([
    ['', undefined],
    ['sort_key=created_at', undefined],
    ['sort=created_at:desc', undefined],
    ['sort=created_at', undefined],
    ['sort=created_at:desc,id:desc', undefined],
    ['sort_dir=desc', undefined],
    ['sort_key=created_at&sort_key=id&sort_dir=desc', undefined],
    ['sort_dir=asc', ['createdAt', 'id']],
    ['sort=created_at:asc', ['createdAt', 'id']],
    ['sort=name', ['-name', '-createdAt', '-id']],
    ['sort=name:', ['-name', '-createdAt', '-id']],
    ['sort=name:asc', ['name', 'createdAt', 'id']],
    ['sort=%20name%20:%20asc%20', ['name', 'createdAt', 'id']],
    ['sort=name:asc,status:asc', ['name', 'status', '-createdAt', '-id']],
    ['sort=name:asc,size', ['name', '-size', '-createdAt', '-id']],
    ['sort=id:asc', ['id']],
    ['sort=id:asc,name:desc', ['id']],
    ['sort=name:asc,name:desc', ['name', '-createdAt', '-id']],
    ['sort=updated_at:asc,created_at:asc,id:asc', ['updatedAt', 'createdAt', 'id']],
    ['sort_key=name', ['-name', '-createdAt', '-id']],
    ['sort_key=name&sort_dir=asc', ['name', 'createdAt', 'id']],
    ['sort_key=name&sort_key=size&sort_dir=asc', ['name', 'size', 'createdAt', 'id']],
    ['sort_key=name&sort_key=size&sort_dir=asc&sort_dir=asc', ['name', 'size', '-createdAt', '-id']],
    [
      'sort_key=disk_format&sort_key=container_format',
      ['-diskFormat', '-containerFormat', '-createdAt', '-id'],
    ],
  ])('is of ?%s %j', (query, order) => {
    expect(orderOf(query)).toEqual(order);
  });

  it.each([
    ['sort=', 'Invalid sort key'],
    ['sort=nosuch', 'name, status, container_format, disk_format, size, id, created_at, updated_at'],
    ['sort=constructor', 'Invalid sort key'],
    ['sort=min_ram:asc', 'Invalid sort key'],
    ['sort=name,', 'Invalid sort key'],
    ['sort_key=', 'Invalid sort key'],
    ['sort_key=nosuch', 'Invalid sort key'],
    ['sort=name:sideways', 'Invalid sort direction'],
    ['sort=name:asc:x', 'Invalid sort direction'],
    ['sort_dir=', 'Invalid sort direction'],
    ['sort_key=name&sort_dir=up', 'Invalid sort direction'],
    ['sort_key=name&sort_dir=asc&sort_dir=desc', 'does not match'],
    ['sort_dir=asc&sort_dir=desc', 'does not match'],
    ['sort=name&sort_key=name', 'cannot be combined'],
    ['sort=name&sort_dir=asc', 'cannot be combined'],
  ])('is refused with ?%s', (query, message) => {
    expect(() => read(query)).toThrow(message);
  });
});

describe('the filters of a list', () => {
  const time = (text: string): Date => new Date(text);
  it.each<[string, Partial<ImageCriteria>]>([
    ['name=debian', { names: ['debian'] }],
    ['name=', { names: [''] }],
    ['name=in:', { names: [] }],
    ['name=in:a,b', { names: ['a', 'b'] }],
    ['name=in:a,,b', { names: ['a', '', 'b'] }],
    ['name=in:"a,b",c', { names: ['a,b', 'c'] }],
    ['name=in:"",c', { names: ['', 'c'] }],
    [String.raw`name=in:"a\"b",c\"d`, { names: [String.raw`a\"b`, String.raw`c\"d`] }],
    ['name=eq:ubuntu:22.04', { names: ['ubuntu:22.04'] }],
    ['name=eq:', { names: [''] }],
    ['name=2026-11-24T02:28:35Z', { names: ['2026-11-24T02:28:35Z'] }],
    ['name=contains:buntu:22', { search: 'buntu:22' }],
    ['name=a&name=b', { names: ['b'] }],
    [`id=${ID}`, { ids: [ID] }],
    [`id=in:${ID.toUpperCase()},abc`, { ids: [ID] }],
    ['id=abc', { ids: [] }],
    ['status=in:active,queued,bogus', { statuses: ['queued', 'active'] }],
    ['status=bogus', { statuses: [] }],
    ['disk_format=in:raw,qcow2', { diskFormats: ['raw', 'qcow2'] }],
    ['container_format=bare', { containerFormats: ['bare'] }],
    [
      'created_at=2026-11-24T02:28:35Z',
      { createdAt: { operator: 'eq', time: time('2026-11-24T02:28:35Z') } },
    ],
    ['created_at=neq:2026-11-24', { createdAt: { operator: 'neq', time: time('2026-11-24') } }],
    ['created_at=gte:2026-11-24T02:28Z', { createdAt: { operator: 'gte', time: time('2026-11-24T02:28Z') } }],
    [
      'updated_at=lt:2026-11-24T02:28:35.5%2B01:00',
      { updatedAt: { operator: 'lt', time: time('2026-11-24T01:28:35.5Z') } },
    ],
    ['updated_at=gte:2026-11-24T02:28:35.5Z', { changedSince: time('2026-11-24T02:28:36Z') }],
    ['updated_at=gt:2026-11-24T02:28:35Z', { changedSince: time('2026-11-24T02:28:36Z') }],
    [
      'created_at=gte:2026-01-01&created_at=lt:2026-01-02',
      { createdAt: { operator: 'lt', time: time('2026-01-02') } },
    ],
    ['size=10', { size: { min: 10, max: 10 } }],
    ['size=10&size_min=12', { size: { min: 12, max: 10 } }],
    ['size_min=5&size_max=11', { size: { min: 5, max: 11 } }],
    ['size_max=-1', { size: { max: -1 } }],
    ['virtual_size_min=%2B5', { virtualSize: { min: 5 } }],
    ['min_ram=512&min_disk=2', { minRam: { min: 512, max: 512 }, minDisk: { min: 2, max: 2 } }],
    ['min_ram=-1', { minRam: { min: -1, max: -1 } }],
    ['min_disk_max=3&min_ram_min=1', { minDisk: { max: 3 }, minRam: { min: 1 } }],
    ['tag=t1&tag=%20t2%20', { tags: ['t1', 't2'] }],
    ['visibility=all', { visibility: 'all' }],
    ['visibility=community&member_status=rejected', { visibility: 'community', memberStatus: 'rejected' }],
    ['member_status=all', { memberStatus: 'all' }],
    ['os_hidden=True', { hidden: true }],
    ['os_hidden=FALSE', { hidden: false }],
    ['protected=true', { protected: true }],
    ['owner=p1', { owner: 'p1' }],
    [
      'checksum=c&os_hash_algo=sha512&os_hash_value=v',
      { checksum: 'c', hashAlgorithm: 'sha512', hashValue: 'v' },
    ],
    ['deleted=true&_method=DELETE', {}],
    ['kind=in:a,b', { properties: { kind: 'in:a,b' } }],
    ['search=more', { properties: { search: 'more' } }],
    [
      'is_public=true&x_min=3&status_max=b',
      { properties: { is_public: 'true', x_min: '3', status_max: 'b' } },
    ],
    ['=x&constructor=y', { properties: { '': 'x', constructor: 'y' } }],
    ['kind=a&kind=b', { properties: { kind: 'b' } }],
    ['min_ram=1&min_ram=2', { minRam: { min: 2, max: 2 } }],
  ])('are of ?%s %j', (query, criteria) => {
    expect(filtersOf(query)).toEqual(criteria);
  });

  it.each([
    ['name=ubuntu:22.04', "'name' has the unknown operator 'ubuntu'"],
    ['name=contains:', "'name' must have a part of a name"],
    ['status=contains:act', 'known are eq and in'],
    ['id=gt:1', 'unknown operator'],
    ['name=in:"a', 'not closed'],
    ['name=in:a"b"', 'no comma before an opening'],
    ['name=in:"a"b', 'no comma after a closing'],
    ['created_at=x', "'created_at' must be a time in ISO 8601"],
    ['created_at=', 'must be a time'],
    ['updated_at=gte:', 'must be a time'],
    ['updated_at=in:2026-11-24', 'unknown operator'],
    ['size=abc', "'size' must be a whole number, not 'abc'"],
    ['size_min=abc', "'size_min' must be a whole number"],
    ['size_min=', 'must be a whole number'],
    ['min_ram=gte:100', "'min_ram' must be a whole number"],
    ['virtual_size=1.0', 'must be a whole number'],
    ['visibility=bogus', 'must be one of public, community, shared, private, all'],
    ['member_status=bogus', 'must be one of pending, accepted, rejected, all'],
    ['os_hidden=x', "'os_hidden' must be one of true, false"],
    ['protected=True', "'protected' must be one of true, false, not 'True'"],
    ['protected=', "'protected' must be one of"],
    ['changes-since=2026-11-24', "'changes-since' is not supported"],
  ])('are refused with ?%s', (query, message) => {
    expect(() => read(query)).toThrow(message);
  });

  it('are at most 32: parameters, tags, and each value of in:', () => {
    const properties = (count: number): string =>
      Array.from({ length: count }, (_, n) => `key${n}=x`).join('&');
    const names = (count: number): string => `name=in:${Array.from({ length: count }, (_, n) => n).join()}`;
    expect(() => read(properties(32))).not.toThrow();
    expect(() => read(`${properties(20)}&tag=a&tag=b&${names(10)}&limit=1&visibility=all`)).not.toThrow();
    for (const query of [properties(33), names(33), `${properties(30)}&tag=a&tag=b&size=1`]) {
      expect(() => read(query)).toThrow('A list has at most 32 filters, not 33');
    }
  });

  it('have any number of ids, each of which is found by the primary key', () => {
    const ids = Array.from(
      { length: 200 },
      (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    );
    expect(read(`id=in:${ids.join()}`).ids).toEqual(ids);
  });
});
