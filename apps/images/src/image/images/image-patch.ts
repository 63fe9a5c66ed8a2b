import { DomainError, type EditableAttributes, type Image } from '@glimpse/domain';
import { InvalidInput, parseJson } from '../../http/validation.js';
import { WrongStatus } from '../../access/image-changes.js';
import {
  AttributeRefused,
  checkValue,
  editableAttribute,
  requireSettable,
  type ImageSchema,
} from './image-attributes.js';

/** The media types of a patch, by their version. */
const MEDIA_TYPES: Readonly<Record<string, PatchVersion>> = {
  'application/openstack-images-v2.1-json-patch': '2.1',
  'application/openstack-images-v2.0-json-patch': '2.0',
};

export const PATCH_MEDIA_TYPES = Object.keys(MEDIA_TYPES).reverse().join(', ');

const OPERATORS = ['add', 'remove', 'replace'] as const;
type Operator = (typeof OPERATORS)[number];
type PatchVersion = '2.0' | '2.1';

/** One operation of a patch, on an attribute or a custom property. */
export interface PatchOperation {
  readonly operator: Operator;
  readonly name: string;
  readonly value: unknown;
  /** Whether `add` fails where there is a value already, as in version 2.0. */
  readonly addsOnly: boolean;
}

/** The media type of a patch is none of the two. */
export class UnknownPatch extends DomainError {
  readonly code = 'unknown-patch';
  /** The value of `Accept-Patch`. */
  readonly acceptPatch = PATCH_MEDIA_TYPES;

  constructor(mediaType: string) {
    super(
      `The request media type ${mediaType || 'of no name'} is not supported here; these are: ${PATCH_MEDIA_TYPES}.`,
    );
  }
}

/** An operation needs a property that is not there, or would add one that is. */
export class PatchConflict extends DomainError {
  readonly code = 'patch-conflict';

  constructor(name: string, exists: boolean) {
    super(`Property ${name} ${exists ? 'already exists' : 'does not exist'}.`);
  }
}

/**
 * Reads a patch of an image.
 *
 * @param mediaType in lower case, without parameters
 * @throws {UnknownPatch} {InvalidInput} {AttributeRefused}
 */
export function readPatch(
  mediaType: string,
  body: Buffer | undefined,
  schema: ImageSchema,
): PatchOperation[] {
  const version = Object.hasOwn(MEDIA_TYPES, mediaType) ? MEDIA_TYPES[mediaType] : undefined;
  if (version === undefined) throw new UnknownPatch(mediaType);
  const operations = parseJson(body);
  if (!Array.isArray(operations)) {
    throw new InvalidInput('Request body must be a JSON array of operation objects.');
  }
  return operations.map((operation: unknown) => readOperation(operation, version, schema));
}

function readOperation(given: unknown, version: PatchVersion, schema: ImageSchema): PatchOperation {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidInput('Operations must be JSON objects.');
  }
  const operation = given as Record<string, unknown>;
  const operator = version === '2.1' ? operation['op'] : operatorOf(operation);
  if (!OPERATORS.some((each) => each === operator)) {
    throw new InvalidInput(
      `Invalid operation: ${JSON.stringify(operator)}. It must be one of the following: ${OPERATORS.join(', ')}.`,
    );
  }
  const path = version === '2.1' ? operation['path'] : operation[operator as string];
  const name = nameOf(path);
  requireSettable(name);
  if (name === 'id') throw new AttributeRefused("Attribute 'id' is read-only.");
  const { value } = operation;
  if (operator === 'remove') {
    if (editableAttribute(name)) throw new AttributeRefused(`Property ${name} may not be removed.`);
  } else {
    if (!Object.hasOwn(operation, 'value'))
      throw new InvalidInput(`Operation "${operator}" requires a "value".`);
    checkValue(name, value, schema);
  }
  return { operator: operator as Operator, name, value, addsOnly: version === '2.0' };
}

/** The one member of an operation of version 2.0 that names what it does. */
function operatorOf(operation: Record<string, unknown>): unknown {
  const found = OPERATORS.filter((each) => Object.hasOwn(operation, each));
  return found.length === 1 ? found[0] : found;
}

/** The name that a JSON pointer of one token leads to (RFC 6901). @throws {InvalidInput} {AttributeRefused} */
function nameOf(path: unknown): string {
  if (typeof path !== 'string') throw new InvalidInput(`The path ${JSON.stringify(path)} is no text.`);
  if (!path.startsWith('/')) throw new InvalidInput(`Pointer \`${path}\` does not start with "/".`);
  if (/~(?![01])/.test(path)) {
    throw new InvalidInput(`Pointer \`${path}\` contains "~" not part of a recognized escape sequence.`);
  }
  const [name, ...rest] = path.slice(1).split('/').map(unescaped) as [string, ...string[]];
  if (rest.length > 0) {
    // Locations are lists of objects, which clients know as read-only.
    if (name === 'locations') requireSettable(name);
    throw new InvalidInput(`Pointer \`${path}\` has more than one token.`);
  }
  return name;
}

function unescaped(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The formats of an image are fixed once it has data. */
const FORMATS: ReadonlySet<string> = new Set(['disk_format', 'container_format']);

/**
 * The attributes that a patch sets, of an image as the caller reads it.
 *
 * @throws {PatchConflict} {WrongStatus}
 */
export function patched(image: Image, operations: readonly PatchOperation[]): Partial<EditableAttributes> {
  const attributes: Record<string, unknown> = {};
  const properties = new Map(Object.entries(image.properties));
  for (const { operator, name, value, addsOnly } of operations) {
    const attribute = editableAttribute(name);
    if (operator === 'add' && addsOnly && (attribute || properties.has(name)))
      throw new PatchConflict(name, true);
    if (attribute) {
      if (FORMATS.has(name) && image.status !== 'queued') {
        throw new WrongStatus(`Attribute ${name} can be only replaced for a queued image.`);
      }
      attributes[attribute] = value;
      continue;
    }
    if (operator !== 'add' && !properties.has(name)) throw new PatchConflict(name, false);
    if (operator === 'remove') properties.delete(name);
    else properties.set(name, value as string | null);
  }
  return { ...attributes, properties: Object.fromEntries(properties) };
}
