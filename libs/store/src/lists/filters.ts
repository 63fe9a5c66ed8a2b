import {
  UNLISTED_STATUS,
  isStorable,
  type ImageCriteria,
  type NumberRange,
  type TimeComparison,
} from '@glimpse/domain';
import type { Values } from '../statement.js';

/**
 * How an index finds the images that match a filter, among those of one visibility.
 *
 * - `ordered`: those of a value are adjacent, in the order of lists, so that a scan can stop early
 * - `properties`: the same, for each of some properties
 * - `changed`: in the order of their last change
 * - `inverted`: in no order; all matches are gathered before the first is returned
 */
export type FilterIndex =
  | {
      readonly kind: 'ordered';
      readonly column: string;
      /** The values, as SQL's array, and how many there are. */
      readonly wanted: string;
      readonly values: number;
    }
  | {
      readonly kind: 'properties';
      /** Name and value of each, in SQL. */
      readonly properties: readonly PropertyValue[];
    }
  | { readonly kind: 'changed' }
  | { readonly kind: 'inverted' };

/** A property's name and value, in SQL. */
export interface PropertyValue {
  readonly name: string;
  readonly value: string;
}

/** What a list requires of each image. */
export interface Filter {
  /** In SQL, of the row with this name. */
  readonly condition: (row: string) => string;
  /** Missing where no index finds what is filtered for, or finds too much to be of use. */
  readonly index?: FilterIndex;
  /** Whether the index of an owner's images has what the condition reads. */
  readonly covered: boolean;
  /** Whether it is by primary key. */
  readonly isKey?: true;
}

/**
 * Whether a part of a name has a trigram that the index has: pg_trgm splits a name into words, with two blanks before
 * each and one after, and a part of a name has no such ends.
 */
const TRIGRAM = /[\p{L}\p{N}]{3}|[\p{L}\p{N}]{2}[^\p{L}\p{N}]|[^\p{L}\p{N}][\p{L}\p{N}]/u;

/** The SQL operator of each comparison. */
const OPERATORS: Readonly<Record<TimeComparison['operator'], string>> = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  eq: '=',
  neq: '<>',
};

/** The largest value of PostgreSQL's type integer. */
const MAX_INTEGER = 2 ** 31 - 1;

/** The filters of a list; their values go into its statement, whose text does not grow with their number. */
export function filtersOf(criteria: ImageCriteria, values: Values): Filter[] {
  const { names, search, statuses, minDisk, minRam, properties = {}, changedSince } = criteria;
  const filters: Filter[] = [];

  function oneOf(
    column: string,
    type: string,
    wanted: readonly (string | number)[],
    { indexed = false, covered = true },
  ): void {
    const distinct = [...new Set(wanted)].filter((one) => isStorable(String(one)));
    const list = `${values.add(distinct)}::${type}[]`;
    const index: FilterIndex = { kind: 'ordered', column, wanted: list, values: distinct.length };
    const condition = (row: string): string => `${row}.${column} = ANY(${list})`;
    filters.push({ condition, ...(indexed && { index }), covered });
  }

  function within(column: string, range: NumberRange | undefined, covered: boolean): void {
    if (!range) return;
    const { min, max } = range;
    const exact = min !== undefined && min === max && min >= 0 && min <= MAX_INTEGER;
    if (exact && covered) {
      oneOf(column, 'integer', [min], { indexed: min !== 0 });
      return;
    }
    for (const [operator, bound] of [['>=', min] as const, ['<=', max] as const]) {
      if (bound === undefined) continue;
      const value = `${values.add(bound)}::numeric`;
      filters.push({ condition: (row) => `${row}.${column} ${operator} ${value}`, covered });
    }
  }

  function is(column: string, text: string | undefined): void {
    if (text === undefined) return;
    const value = `${values.add(text)}::text`;
    filters.push({ condition: (row) => `${row}.${column} = ${value}`, covered: false });
  }

  function compare(column: string, comparison: TimeComparison | undefined): void {
    if (!comparison) return;
    const { operator, time } = comparison;
    const value = `${values.add(time)}::timestamptz`;
    filters.push({
      condition: (row) => `date_trunc('second', ${row}.${column}) ${OPERATORS[operator]} ${value}`,
      covered: true,
    });
  }

  // What most images have is in no index.
  if (names) oneOf('name', 'text', names, { indexed: true });
  if (statuses) {
    // An index would find all of them, and the list none.
    const listed = statuses.filter((status) => status !== UNLISTED_STATUS);
    oneOf('status', 'text', listed, { indexed: !listed.includes('active') });
  }
  within('min_disk', minDisk, true);
  within('min_ram', minRam, true);
  within('size', criteria.size, false);
  within('virtual_size', criteria.virtualSize, false);
  if (criteria.diskFormats) oneOf('disk_format', 'text', criteria.diskFormats, { covered: false });
  if (criteria.containerFormats)
    oneOf('container_format', 'text', criteria.containerFormats, { covered: false });
  is('checksum', criteria.checksum);
  is('hash_algorithm', criteria.hashAlgorithm);
  is('hash_value', criteria.hashValue);
  if (criteria.tags) {
    const tags = `${values.add(criteria.tags)}::text[]`;
    filters.push({ condition: (row) => `${row}.tags @> ${tags}`, covered: false });
  }
  compare('created_at', criteria.createdAt);
  compare('updated_at', criteria.updatedAt);
  if (changedSince) {
    const since = `${values.add(changedSince)}::timestamptz`;
    filters.push({
      condition: (row) => `${row}.updated_at >= ${since}`,
      index: { kind: 'changed' },
      covered: true,
    });
  }
  const wanted = Object.keys(properties);
  if (wanted.length > 0) {
    const names = `${values.add(wanted)}::text[]`;
    const texts = `${values.add(Object.values(properties))}::text[]`;
    filters.push({
      // As a subquery it is evaluated once, and not for each row.
      condition: (row) => `${row}.properties @> (SELECT jsonb_object(${names}, ${texts}))`,
      index: {
        kind: 'properties',
        properties: wanted.map((_, n) => ({
          name: `(${names})[${n + 1}]`,
          value: `(${texts})[${n + 1}]`,
        })),
      },
      covered: false,
    });
  }
  if (criteria.ids) {
    const ids = `${values.add(criteria.ids)}::uuid[]`;
    filters.push({ condition: (row) => `${row}.id = ANY(${ids})`, covered: true, isKey: true });
  }
  if (criteria.owner !== undefined) {
    const owner = `lower(${values.add(criteria.owner)}::text COLLATE "C")`;
    filters.push({ condition: (row) => `lower(${row}.owner COLLATE "C") = ${owner}`, covered: false });
  }
  if (criteria.protected !== undefined) {
    const wanted = criteria.protected ? '' : 'NOT ';
    filters.push({ condition: (row) => `${wanted}${row}.protected`, covered: false });
  }
  if (search) {
    const pattern = values.add(`%${search.replace(/[\\%_]/g, '\\$&')}%`);
    filters.push({
      condition: (row) => `${row}.name ILIKE ${pattern}`,
      ...(TRIGRAM.test(search) && { index: { kind: 'inverted' } as const }),
      covered: true,
    });
  }
  return filters;
}
