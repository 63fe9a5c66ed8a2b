import {
  IMAGE_STATUSES,
  VISIBILITIES,
  type ImageCriteria,
  type ImageStatus,
  type NumberRange,
  type Visibility,
} from '@glimpse/domain';
import { IsOptional, ValidateBy } from 'class-validator';
import { statusesShownAs } from './image.view.js';
import { InvalidInput } from '../../http/validation.js';
import { parseIso8601 } from '../../http/iso8601.js';

/** The most images of a page, and the default. */
const MAX_LIMIT = 1000;

/** The most filters of a list; each name of `name=in:…` is one. Every filter costs memory and time to plan and to check. */
const MAX_FILTERS = 32;

function Parameter(allowed: (value: string) => string | undefined): PropertyDecorator {
  return (target, key) => {
    IsOptional()(target, key);
    ValidateBy({
      name: String(key),
      validator: {
        validate: (value) => allowed(value as string) === undefined,
        defaultMessage: (args) => {
          const { value } = args as { value: string };
          return `Invalid input received: ${String(key)} ${allowed(value)}`;
        },
      },
    })(target, key);
  };
}

const INTEGER = /^\s*[+-]?\d+\s*$/;

function wrongLimit(value: string): string | undefined {
  if (!INTEGER.test(value)) return 'must be an integer';
  return Number(value) < 0 ? 'must be >= 0' : undefined;
}

function wrongSize(value: string): string | undefined {
  const fits = /^\d+$/.test(value) && Number(value) <= 2_147_483_647;
  return fits ? undefined : `must be a whole number from 0 to 2147483647, not '${value}'`;
}

function wrongTime(value: string): string | undefined {
  return parseIso8601(value)
    ? undefined
    : `must be an ISO 8601 time such as 2026-11-24T02:28:35Z, not '${value}'`;
}

function wrongVisibility(value: string): string | undefined {
  const known = (VISIBILITIES as readonly string[]).includes(value);
  return known ? undefined : `must be one of ${VISIBILITIES.join(', ')}, not '${value}'`;
}

function wrongSearch(value: string): string | undefined {
  return [...value].length >= 3 ? undefined : `must have at least three characters, not '${value}'`;
}

/** The names of `in:a,b`, where a name with a comma is in quotes, as in Glance; otherwise the one name. */
function namesOf(value: string): string[] {
  if (!value.startsWith('in:')) return [value];
  const parts = value.slice(3).match(/"(?:[^"\\]|\\.)*"|[^,]+/g) ?? [];
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replace(/\\(.)/g, '$1') : part));
}

function exactly(value: string): NumberRange {
  return { min: Number(value), max: Number(value) };
}

/** What the parameters that filter by a custom property begin with. */
const PROPERTY = 'property-';

/** The parameters that are one filter each. */
const FILTERS = ['status', 'server', 'type', 'changes-since', 'minRam', 'minDisk', 'search'] as const;

/** The parameters of a list. Those that are not here are ignored. */
export class ListQuery {
  @Parameter(wrongLimit)
  readonly limit?: string;

  readonly marker?: string;

  readonly name?: string;

  /** A status as the API shows it, or one of Glance's names. */
  readonly status?: string;

  /** A server's id, or its URL. */
  readonly server?: string;

  /** The property `image_type`. */
  readonly type?: string;

  @Parameter(wrongTime)
  readonly 'changes-since'?: string;

  @Parameter(wrongSize)
  readonly minRam?: string;

  @Parameter(wrongSize)
  readonly minDisk?: string;

  /** Beyond Nova: only images of one visibility. */
  @Parameter(wrongVisibility)
  readonly visibility?: Visibility;

  /** Beyond Nova: a part of the name, in any case. */
  @Parameter(wrongSearch)
  readonly search?: string;

  readonly #parameters: Readonly<Record<string, string>>;

  constructor(parameters: Readonly<Record<string, string>>) {
    // Declared properties only: a parameter may have any name, also `constructor`.
    for (const name of Object.keys(this)) Reflect.set(this, name, parameters[name]);
    this.#parameters = parameters;
  }

  /** All parameters, each with the value that counts. */
  get parameters(): Readonly<Record<string, string>> {
    return this.#parameters;
  }

  /**
   * Which images are listed.
   *
   * @throws {InvalidInput} more filters than {@link MAX_FILTERS}
   */
  get criteria(): ImageCriteria {
    this.#limitFilters();
    const { marker, name, status, minRam, minDisk, visibility, search } = this;
    const since = this['changes-since'];
    const properties = this.#properties();
    return {
      limit: this.#limit(),
      ...(marker && { marker }),
      ...(name !== undefined && { names: namesOf(name) }),
      ...(status !== undefined && { statuses: statusesOf(status) }),
      ...(minRam !== undefined && { minRam: exactly(minRam) }),
      ...(minDisk !== undefined && { minDisk: exactly(minDisk) }),
      ...(visibility !== undefined && { visibility }),
      ...(search !== undefined && { search }),
      ...(since !== undefined && { changedSince: parseIso8601(since)! }),
      ...(properties && { properties }),
    };
  }

  #limitFilters(): void {
    const properties = Object.keys(this.#parameters).filter((name) => name.startsWith(PROPERTY)).length;
    const names = this.name === undefined ? 0 : namesOf(this.name).length;
    const others = FILTERS.filter((name) => this[name] !== undefined).length;
    const filters = properties + names + others;
    if (filters > MAX_FILTERS) {
      throw new InvalidInput(
        `Invalid input received: a list takes at most ${MAX_FILTERS} filters, not ${filters}`,
      );
    }
  }

  /** A limit of 0 is none. */
  #limit(): number {
    return Math.min(Number(this.limit ?? 0) || MAX_LIMIT, MAX_LIMIT);
  }

  #properties(): Record<string, string> | undefined {
    const named = Object.entries(this.#parameters)
      .filter(([name]) => name.startsWith(PROPERTY))
      .map(([name, value]) => [name.slice(PROPERTY.length), value]);
    if (this.server !== undefined) named.push(['instance_uuid', this.server.split('/').at(-1)!]);
    if (this.type !== undefined) named.push(['image_type', this.type]);
    return named.length === 0 ? undefined : (Object.fromEntries(named) as Record<string, string>);
  }
}

/** The statuses that a filter selects: those that are shown as it, and Glance's own of that name. */
function statusesOf(filter: string): readonly ImageStatus[] {
  return [...statusesShownAs(filter), ...IMAGE_STATUSES.filter((status) => status === filter)];
}
