import {
  IMAGE_STATUSES,
  MEMBER_STATUSES,
  VISIBILITIES,
  isUuid,
  pythonRepr,
  type ImageCriteria,
  type ListScope,
  type NumberRange,
  type TimeComparison,
} from '@glimpse/domain';
import { InvalidInput } from '../../http/validation.js';
import { rangeOf, readText, readTime, readWhole, type TextFilter } from './list-operators.js';
import { readOrder } from './list-order.js';

/** The most filters of a list; each value of `in:` is one, but for ids. */
const MAX_FILTERS = 32;

/** The parameters that select a page and its order; the first few may stand only once. */
const SINGLE = ['limit', 'marker', 'sort', 'member_status'] as const;
const OTHERS = ['sort_key', 'sort_dir', 'visibility', 'os_hidden'] as const;
/** Glance ignores the first in lists; its router obeys the second, which clients must not rely on. */
const IGNORED = ['deleted', '_method'] as const;
const TEXTS = ['name', 'id', 'status', 'disk_format', 'container_format'] as const;
const TIMES = ['created_at', 'updated_at'] as const;
const NUMBERS = ['size', 'min_ram', 'min_disk', 'virtual_size'] as const;
const EXACT = ['protected', 'owner', 'checksum', 'os_hash_algo', 'os_hash_value'] as const;

/** The parameters of a list that are not the name of a custom property. */
const PARAMETERS: ReadonlySet<string> = new Set([
  ...SINGLE,
  ...OTHERS,
  ...IGNORED,
  ...TEXTS,
  ...TIMES,
  ...NUMBERS.flatMap((name) => [name, `${name}_min`, `${name}_max`]),
  ...EXACT,
  'tag',
]);

const SECOND_MS = 1000;

/** How many images a page has. */
export interface PageSizes {
  /** Unless the request says otherwise. */
  readonly usual: number;
  readonly most: number;
}

/**
 * Reads the parameters of a list. Of a repeated parameter the last value counts, but for `tag`, `sort_key` and
 * `sort_dir`; each parameter that has no meaning of its own is a custom property's exact value.
 *
 * @throws {InvalidInput}
 */
export function readListQuery(parameters: URLSearchParams, sizes: PageSizes): ImageCriteria {
  for (const name of SINGLE) {
    if (parameters.getAll(name).length > 1) {
      throw new InvalidInput(`The parameter '${name}' is allowed only once`);
    }
  }
  if (parameters.has('changes-since')) {
    throw new InvalidInput("The parameter 'changes-since' is not supported; use updated_at=gte: and a time");
  }
  const last = new Map(parameters);
  const marker = last.get('marker');
  const filters = filtersOf(last, parameters.getAll('tag'));
  return {
    limit: Math.min(readLimit(last.get('limit')) ?? sizes.usual, sizes.most),
    ...(marker !== undefined && { marker }),
    ...withoutUndefined({ order: readOrder(parameters) }),
    ...scopeOf(last),
    ...filters,
  };
}

function readLimit(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const limit = readWhole('limit', value);
  if (limit < 0)
    throw new InvalidInput(`The parameter 'limit' must not be negative, not ${pythonRepr(value)}`);
  return limit;
}

function scopeOf(last: ReadonlyMap<string, string>): ListScope {
  return withoutUndefined({
    visibility: readOneOf('visibility', last.get('visibility'), [...VISIBILITIES, 'all']),
    memberStatus: readOneOf('member_status', last.get('member_status'), [...MEMBER_STATUSES, 'all']),
    hidden: readFlag('os_hidden', last.get('os_hidden')?.toLowerCase()),
  });
}

function filtersOf(last: ReadonlyMap<string, string>, tags: readonly string[]): Omit<ImageCriteria, 'limit'> {
  const texts = readAll(TEXTS, last, readText);
  const times = readAll(TIMES, last, readTime);
  const properties = Object.fromEntries([...last].filter(([name]) => !PARAMETERS.has(name)));
  limitFilters(last, tags, texts);
  return {
    ...namesOf(texts.name),
    ...withoutUndefined({
      ids: valuesOf(texts.id)
        ?.filter(isUuid)
        .map((id) => id.toLowerCase()),
      statuses: texts.status && IMAGE_STATUSES.filter((status) => valuesOf(texts.status)!.includes(status)),
      diskFormats: valuesOf(texts.disk_format),
      containerFormats: valuesOf(texts.container_format),
      size: readRange('size', last),
      virtualSize: readRange('virtual_size', last),
      minDisk: readRange('min_disk', last),
      minRam: readRange('min_ram', last),
      protected: readFlag('protected', last.get('protected')),
      owner: last.get('owner'),
      checksum: last.get('checksum'),
      hashAlgorithm: last.get('os_hash_algo'),
      hashValue: last.get('os_hash_value'),
      createdAt: times.created_at,
      tags: tags.length > 0 ? tags.map((tag) => tag.trim()) : undefined,
      properties: Object.keys(properties).length > 0 ? properties : undefined,
    }),
    ...(times.updated_at && changesOf(times.updated_at)),
  };
}

function readAll<Name extends string, T>(
  names: readonly Name[],
  last: ReadonlyMap<string, string>,
  read: (name: Name, value: string) => T,
): { readonly [N in Name]?: T } {
  const given = names.filter((name) => last.has(name));
  return Object.fromEntries(given.map((name) => [name, read(name, last.get(name)!)])) as { [N in Name]?: T };
}

function valuesOf(filter: TextFilter | undefined): readonly string[] | undefined {
  return filter && 'values' in filter ? filter.values : undefined;
}

function namesOf(filter: TextFilter | undefined): Pick<ImageCriteria, 'names' | 'search'> {
  if (!filter) return {};
  return 'part' in filter ? { search: filter.part } : { names: filter.values };
}

/** Changes since a time are found by an index; documents show whole seconds. */
function changesOf(updatedAt: TimeComparison): Pick<ImageCriteria, 'updatedAt' | 'changedSince'> {
  const { operator, time } = updatedAt;
  const seconds = time.getTime() / SECOND_MS;
  if (operator === 'gte') return { changedSince: new Date(Math.ceil(seconds) * SECOND_MS) };
  if (operator === 'gt') return { changedSince: new Date((Math.floor(seconds) + 1) * SECOND_MS) };
  return { updatedAt };
}

function readRange(name: string, last: ReadonlyMap<string, string>): NumberRange | undefined {
  const read = (parameter: string): number | undefined => {
    const value = last.get(parameter);
    return value === undefined ? undefined : readWhole(parameter, value);
  };
  return rangeOf(read(name), read(`${name}_min`), read(`${name}_max`));
}

function readOneOf<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined || (allowed as readonly string[]).includes(value)) return value as T | undefined;
  throw new InvalidInput(
    `The parameter '${name}' must be one of ${allowed.join(', ')}, not ${pythonRepr(value)}`,
  );
}

function readFlag(name: string, value: string | undefined): boolean | undefined {
  const flag = readOneOf(name, value, ['true', 'false']);
  return flag === undefined ? undefined : flag === 'true';
}

function limitFilters(
  last: ReadonlyMap<string, string>,
  tags: readonly string[],
  texts: { readonly [name: string]: TextFilter | undefined },
): void {
  const unlimited: readonly string[] = [...SINGLE, ...OTHERS, 'tag'];
  const filters = [...last.keys()].filter((name) => !unlimited.includes(name));
  const alternatives = filters.map((name) =>
    name === 'id' ? 1 : Math.max(valuesOf(texts[name])?.length ?? 1, 1),
  );
  const count = alternatives.reduce((sum, one) => sum + one, tags.length);
  if (count > MAX_FILTERS) {
    throw new InvalidInput(`A list has at most ${MAX_FILTERS} filters, not ${count}`);
  }
}

/** The given members. */
function withoutUndefined<T extends object>(members: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
