import { NEWEST_FIRST, pythonRepr, type SortKey } from '@glimpse/domain';
import { InvalidInput } from '../../http/validation.js';

type Direction = SortKey['direction'];

/** The attributes by which lists can be sorted, by their names in Glance. */
const SORT_KEYS: Readonly<Record<string, SortKey['attribute']>> = {
  name: 'name',
  status: 'status',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  size: 'size',
  id: 'id',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
};

/**
 * Reads `sort=key:dir,…`, or `sort_key` and `sort_dir`, of which one direction counts for all keys.
 *
 * @returns undefined for the order that lists have anyway
 * @throws {InvalidInput}
 */
export function readOrder(parameters: URLSearchParams): readonly SortKey[] | undefined {
  const sort = parameters.get('sort');
  const keys = parameters.getAll('sort_key');
  const directions = parameters.getAll('sort_dir');
  if (sort !== null) {
    if (keys.length + directions.length > 0) {
      throw new InvalidInput("The parameter 'sort' cannot be combined with 'sort_key' or 'sort_dir'");
    }
    const parts = sort.split(',').map((part) => {
      const colon = part.indexOf(':');
      return colon < 0 ? ([part, ''] as const) : ([part.slice(0, colon), part.slice(colon + 1)] as const);
    });
    return orderOf(
      parts.map(([key]) => readKey(key)),
      parts.map(([, direction]) => readDirection(direction || 'desc')),
    );
  }
  if (directions.length > 1 && directions.length !== keys.length) {
    throw new InvalidInput(
      `The number of sort directions, ${directions.length}, does not match the number of sort keys, ${keys.length}`,
    );
  }
  return orderOf(keys.map(readKey), directions.map(readDirection));
}

function readKey(text: string): SortKey['attribute'] {
  const key = text.trim();
  const attribute = Object.hasOwn(SORT_KEYS, key) ? SORT_KEYS[key] : undefined;
  if (attribute) return attribute;
  throw new InvalidInput(
    `Invalid sort key ${pythonRepr(key)}; it must be one of ${Object.keys(SORT_KEYS).join(', ')}`,
  );
}

function readDirection(text: string): Direction {
  const direction = text.trim();
  if (direction === 'asc' || direction === 'desc') return direction;
  throw new InvalidInput(`Invalid sort direction ${pythonRepr(direction)}; it must be asc or desc`);
}

/**
 * Completes an order as Glance does: ties are broken by the time of creation, then by id, in the direction of the sort
 * if there is only one, else descending.
 */
function orderOf(
  keys: readonly SortKey['attribute'][],
  directions: readonly Direction[],
): readonly SortKey[] | undefined {
  const last = directions.length === 1 ? directions[0]! : 'desc';
  const order: SortKey[] = keys.map((attribute, at) => ({ attribute, direction: directions[at] ?? last }));
  for (const { attribute } of NEWEST_FIRST) order.push({ attribute, direction: last });
  const attributes = order.map(({ attribute }) => attribute);
  const end = attributes.indexOf('id');
  const distinct = order.filter(({ attribute }, at) => at <= end && attributes.indexOf(attribute) === at);
  const isUsual =
    distinct.length === NEWEST_FIRST.length &&
    distinct.every(
      ({ attribute, direction }, at) => attribute === NEWEST_FIRST[at]!.attribute && direction === 'desc',
    );
  return isUsual ? undefined : distinct;
}
