import { DomainError, RESERVED_PREFIX, isStorable, type EditableAttributes } from '@glimpse/domain';
import { InvalidInput } from '../../http/validation.js';
import { IMAGE_SCHEMA, type Schemas } from '../schemas/schemas.js';

/** An attribute that clients cannot set. */
export class AttributeRefused extends DomainError {
  readonly code = 'attribute-refused';
}

/** The attributes that clients set, with their names in the domain. */
const EDITABLE: Readonly<Record<string, keyof EditableAttributes>> = {
  name: 'name',
  visibility: 'visibility',
  os_hidden: 'hidden',
  owner: 'owner',
  protected: 'protected',
  min_disk: 'minDisk',
  min_ram: 'minRam',
  disk_format: 'diskFormat',
  container_format: 'containerFormat',
  tags: 'tags',
};

const RESERVED: ReadonlySet<string> = new Set(['location', 'deleted', 'deleted_at']);
/** Beyond those that the schema marks. */
const READ_ONLY: ReadonlySet<string> = new Set(['locations']);

const MAX_INTEGER = 2 ** 31 - 1;
const MAX_NAME_CHARACTERS = 255;
const MAX_VALUE_BYTES = 65_535;

/** The part of JSON Schema that the image schema uses. */
interface ValueSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: ValueSchema;
  readonly readOnly?: boolean;
}

const PROPERTIES = IMAGE_SCHEMA.properties as Readonly<Record<string, ValueSchema>>;

/** The schema of images, with the formats that are allowed or without them. */
export type ImageSchema = Schemas['image'] | typeof IMAGE_SCHEMA;

/** The domain's name of an attribute that clients set; undefined for a custom property. */
export function editableAttribute(name: string): keyof EditableAttributes | undefined {
  return Object.hasOwn(EDITABLE, name) ? EDITABLE[name] : undefined;
}

/**
 * Requires that clients may set an attribute of this name. Names of attributes that the catalogue has for itself are no
 * custom properties either.
 *
 * @throws {AttributeRefused} {InvalidInput}
 */
export function requireSettable(name: string): void {
  if (RESERVED.has(name) || name.startsWith(RESERVED_PREFIX)) {
    throw new AttributeRefused(`Attribute '${name}' is reserved.`);
  }
  if (READ_ONLY.has(name) || (Object.hasOwn(PROPERTIES, name) && PROPERTIES[name]!.readOnly)) {
    throw new AttributeRefused(`Attribute '${name}' is read-only.`);
  }
  if ([...name].length > MAX_NAME_CHARACTERS || !isStorable(name)) {
    throw new InvalidInput(
      `The property name ${printed(name)} is not allowed: it has at most ${MAX_NAME_CHARACTERS} characters, without NUL and halves of surrogate pairs.`,
    );
  }
}

/**
 * Checks a value by the image schema, as `GET /v2/schemas/image` shows it.
 *
 * @throws {InvalidInput}
 */
export function checkValue(
  name: string,
  value: unknown,
  { properties, additionalProperties }: ImageSchema,
): void {
  const known = properties as Readonly<Record<string, ValueSchema>>;
  const schema = Object.hasOwn(known, name) ? known[name]! : additionalProperties;
  const flaw = flawOf(value, schema) ?? (editableAttribute(name) ? undefined : flawOfProperty(value));
  if (flaw) throw new InvalidInput(`Invalid value ${printed(value)} for '${name}': ${flaw}.`);
}

function flawOf(value: unknown, schema: ValueSchema): string | undefined {
  const types = [schema.type ?? []].flat();
  if (!types.some((type) => isOfType(value, type))) return `it must be of type ${types.join(' or ')}`;
  if (schema.enum && !schema.enum.includes(value)) {
    return `allowed are ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}`;
  }
  if (typeof value === 'string') return flawOfText(value, schema);
  if (typeof value === 'number' && (value < 0 || value > MAX_INTEGER))
    return `it must be 0 to ${MAX_INTEGER}`;
  if (Array.isArray(value)) {
    return value.map((item: unknown) => flawOf(item, schema.items ?? {})).find((flaw) => flaw !== undefined);
  }
  return undefined;
}

function flawOfText(value: string, { maxLength, pattern }: ValueSchema): string | undefined {
  if (maxLength !== undefined && [...value].length > maxLength)
    return `it has at most ${maxLength} characters`;
  if (pattern !== undefined && !new RegExp(pattern).test(value)) return 'it must be a UUID';
  return isStorable(value) ? undefined : 'it must not have NUL or halves of surrogate pairs';
}

function flawOfProperty(value: unknown): string | undefined {
  return typeof value === 'string' && Buffer.byteLength(value) > MAX_VALUE_BYTES
    ? `it has at most ${MAX_VALUE_BYTES} bytes`
    : undefined;
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function printed(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
