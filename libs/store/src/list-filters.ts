import type { ImageCriteria } from '@glimpse/domain';
import type { Values } from './statement.js';

/**
 * How an index finds the images that a filter holds for, each among those of one visibility.
 *
 * - `ordered`: those of a value stand together in the order of lists, so that a reader can stop
 * - `property`: the same, of a property
 * - `changed`: in the order of their last change
 * - `inverted`: in no order, and all of their places are gathered before the first is given
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
      readonly kind: 'property';
      /** Name and value, in SQL. */
      readonly name: string;
      readonly value: string;
    }
  | { readonly kind: 'changed' }
  | { readonly kind: 'inverted' };

/** What a list asks of each image. */
export interface Filter {
  /** In SQL, of the row `image`. */
  readonly condition: string;
  /** Missing where no index finds what is asked for, or finds too much to be of use. */
  readonly index?: FilterIndex;
}

/**
 * Whether a part of a name has a trigram by which it can be looked up: pg_trgm takes a name's words apart, with
 * two blanks in front of each and one behind, and a part has but its own ends.
 */
const TRIGRAM = /[\p{L}\p{N}]{3}|[\p{L}\p{N}]{2}[^\p{L}\p{N}]|[^\p{L}\p{N}][\p{L}\p{N}]/u;

/** The filters of a list; their values go into its statement. */
export function filtersOf(criteria: ImageCriteria, values: Values): Filter[] {
  const { names, search, statuses, minDisk, minRam, properties, changedSince } = criteria;
  const filters: Filter[] = [];

  function oneOf(column: string, type: string, wanted: readonly (string | number)[], indexed: boolean): void {
    const distinct = [...new Set(wanted)];
    const list = `${values.add(distinct)}::${type}[]`;
    const index: FilterIndex = { kind: 'ordered', column, wanted: list, values: distinct.length };
    filters.push({ condition: `image.${column} = ANY(${list})`, ...(indexed && { index }) });
  }

  // What most images have is in no index.
  if (names) oneOf('name', 'text', names, true);
  if (statuses) oneOf('status', 'text', statuses, !statuses.includes('active'));
  if (minDisk !== undefined) oneOf('min_disk', 'integer', [minDisk], minDisk !== 0);
  if (minRam !== undefined) oneOf('min_ram', 'integer', [minRam], minRam !== 0);
  if (changedSince) {
    const condition = `image.updated_at >= ${values.add(changedSince)}::timestamptz`;
    filters.push({ condition, index: { kind: 'changed' } });
  }
  for (const property of Object.entries(properties ?? {})) {
    const [name, value] = property.map((text) => `${values.add(text)}::text`) as [string, string];
    filters.push({
      condition: `image.properties ->> ${name} = ${value}`,
      index: { kind: 'property', name, value },
    });
  }
  if (search) {
    const condition = `image.name ILIKE ${values.add(`%${search.replace(/[\\%_]/g, '\\$&')}%`)}`;
    filters.push({ condition, ...(TRIGRAM.test(search) && { index: { kind: 'inverted' } as const }) });
  }
  return filters;
}
