import {
  BASE_ATTRIBUTES,
  IMAGE_ATTRIBUTES,
  IMAGE_STATUSES,
  LOCATION_ATTRIBUTES,
  MEMBER_STATUSES,
  VISIBILITIES,
  compareCodePoints,
  isStorable,
  isUuid,
  type ImageAttribute,
  type ImageLocations,
  type Member,
  type SourceImage,
  type SourceMembers,
  type Visibility,
} from '@glimpse/domain';
import { BadDocument } from './bad-document.js';

type Document = Readonly<Record<string, unknown>>;

/** What columns of the catalogue hold, in characters. */
const MAX_TEXT = 255;
/** What Glance's table of properties holds: MySQL's `TEXT`. */
const MAX_PROPERTY = 65_535;
const MAX_INTEGER = 2_147_483_647;
/** The greatest number of JavaScript that a column of 64 bits holds. */
const MAX_VIRTUAL_SIZE = 2 ** 63 - 1024;

const UTC_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z$/;

/**
 * Reads an image document of Glance's Image API v2: its base attributes, and every other as a custom
 * property. Times keep their milliseconds; what is finer is cut off.
 *
 * @throws {BadDocument} it is not one, or the catalogue cannot hold it
 *
 * @example
 * readImageDocument({
 *   id: '70a599e0-31e7-49b7-b260-868f441e862b',
 *   status: 'active',
 *   owner: '6844db25ecb04bcda32cadcbba8844e1',
 *   created_at: '2026-11-24T02:28:35Z',
 *   architecture: 'x86_64',
 * }).properties; // { architecture: 'x86_64' }
 */
export function readImageDocument(document: unknown): SourceImage {
  if (!isObject(document)) throw new BadDocument('the document', document, 'an object');
  const attributes = Object.entries(READERS).map(([attribute, read]) => {
    const name = IMAGE_ATTRIBUTES[attribute as ImageAttribute].document ?? attribute;
    return [attribute, read(document[name], name, document)] as const;
  });
  const image = Object.fromEntries(attributes) as Pick<SourceImage, ImageAttribute>;
  return { ...image, deleted: image.status === 'deleted' };
}

/** Reads the value of an attribute of the document by its name. */
type Reader<T> = (value: unknown, name: string, document: Document) => T;

/** How each attribute is read. The first that fails is reported. */
const READERS: { readonly [Attribute in ImageAttribute]: Reader<SourceImage[Attribute]> } = {
  status: (value, name) => readChoice(name, value, IMAGE_STATUSES),
  createdAt: (value, name) => readTime(name, value),
  id: (value, name) => readUuid(name, value).toLowerCase(),
  shownId: (value, name) => readUuid(name, value),
  name: (value, name) => readTextOrNull(name, value, 0),
  visibility: (_value, _name, document) => readVisibility(document),
  hidden: (value, name) => readFlag(name, value),
  owner: (_value, _name, document) => readOwner(document),
  protected: (value, name) => readFlag(name, value),
  size: (value, name) =>
    value === undefined || value === null ? null : readWhole(name, value, Number.MAX_SAFE_INTEGER),
  minDisk: (value, name) => readWhole(name, value ?? 0, MAX_INTEGER),
  minRam: (value, name) => readWhole(name, value ?? 0, MAX_INTEGER),
  diskFormat: (value, name) => readTextOrNull(name, value, 0),
  containerFormat: (value, name) => readTextOrNull(name, value, 0),
  checksum: (value, name) => readTextOrNull(name, value, 0),
  hashAlgorithm: (value, name) => readTextOrNull(name, value, 0),
  hashValue: (value, name) => readTextOrNull(name, value, 0),
  virtualSize: (value, name) => readVirtualSize(name, value),
  tags: (value, name) => readTags(name, value),
  locations: (_value, _name, document) => readLocations(document),
  properties: (_value, _name, document) => readProperties(document),
  updatedAt: (value, name, document) =>
    value === undefined || value === null
      ? READERS.createdAt(document['created_at'], 'created_at', document)
      : readTime(name, value),
};

/**
 * Reads the member documents of one image. Of two for the same project the later one counts.
 *
 * @param imageId a UUID, in either case
 * @param document the array of them
 * @throws {BadDocument} they are not that, or the catalogue cannot hold them
 */
export function readMemberDocuments(imageId: string, document: unknown): SourceMembers {
  const id = readUuid('the image id', imageId).toLowerCase();
  if (!Array.isArray(document)) throw new BadDocument('the list', document, 'an array of member documents');
  const members = new Map<string, Member>();
  for (const member of document as unknown[]) {
    if (!isObject(member)) throw new BadDocument('a member', member, 'an object');
    const image = withDefault(member['image_id'], id);
    if (typeof image !== 'string' || image.toLowerCase() !== id) {
      throw new BadDocument('image_id', image, `the image id ${id}`);
    }
    members.set(readText('member_id', member['member_id'], 1, MAX_TEXT), {
      status: readChoice('status', member['status'], MEMBER_STATUSES),
      createdAt: readTimeOrNull('created_at', member['created_at']),
      updatedAt: readTimeOrNull('updated_at', member['updated_at']),
    });
  }
  return { imageId: id, members };
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Unlike with `??`, null is a value. */
function withDefault(value: unknown, fallback: string): unknown {
  return value === undefined ? fallback : value;
}

function readProperties(document: Document): Record<string, string | null> {
  const properties: [string, string | null][] = [];
  for (const [name, value] of Object.entries(document)) {
    if (BASE_ATTRIBUTES.has(name)) continue;
    properties.push([
      readText('the name of a property', name, 0, MAX_TEXT),
      value === null ? null : readText(`property ${JSON.stringify(name)}`, value, 0, MAX_PROPERTY),
    ]);
  }
  // Defines `__proto__` like any other name, where an assignment would not.
  return Object.fromEntries(properties);
}

function readUuid(attribute: string, value: unknown): string {
  if (typeof value !== 'string' || !isUuid(value)) throw new BadDocument(attribute, value, 'a UUID');
  return value;
}

/** Tags are a set: duplicates and the order do not count. */
function readTags(attribute: string, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BadDocument(attribute, value, 'an array of texts');
  const tags = (value as unknown[]).map((tag) => readText('a tag', tag, 0, MAX_TEXT));
  return [...new Set(tags)].sort(compareCodePoints);
}

/** Their values are kept as they are. */
function readLocations(document: Document): ImageLocations | null {
  const shown = LOCATION_ATTRIBUTES.filter((name) => document[name] !== undefined);
  if (shown.length === 0) return null;
  return Object.fromEntries(shown.map((name) => [name, document[name]]));
}

function readText(attribute: string, value: unknown, min: number, max: number): string {
  if (typeof value !== 'string' || !fits(value, min, max)) {
    throw new BadDocument(attribute, value, `text of ${min} to ${max} characters`);
  }
  if (!isStorable(value)) {
    throw new BadDocument(attribute, value, 'text without U+0000 and without halves of surrogate pairs');
  }
  return value;
}

/** Characters are code points, as PostgreSQL counts them; a string's length is that or more. */
function fits(text: string, min: number, max: number): boolean {
  if (text.length < min || text.length > 2 * max) return false;
  return text.length <= max || [...text].length <= max;
}

function readTextOrNull(attribute: string, value: unknown, min: number): string | null {
  return value === undefined || value === null ? null : readText(attribute, value, min, MAX_TEXT);
}

function readChoice<Choice extends string>(
  attribute: string,
  value: unknown,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new BadDocument(attribute, value, `one of ${choices.join(', ')}`);
  return choice;
}

function readFlag(attribute: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw new BadDocument(attribute, value, 'true or false');
  return value;
}

function readVisibility(document: Document): Visibility {
  return readChoice('visibility', withDefault(document['visibility'], 'shared'), VISIBILITIES);
}

/**
 * Glance's documents always have the key. Where it is missing a document is a part of one, and null in its place would
 * show the image to every project by its id; one that every project sees anyway has no owner then.
 */
function readOwner(document: Document): string | null {
  const visibility = readVisibility(document);
  if (document['owner'] === undefined && visibility !== 'public' && visibility !== 'community') {
    throw new BadDocument(
      'owner',
      undefined,
      'the id of a project, or null, unless every project sees the image',
    );
  }
  return readTextOrNull('owner', document['owner'], 1);
}

function readWhole(attribute: string, value: unknown, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new BadDocument(attribute, value, `a whole number from 0 to ${max}`);
  }
  return value;
}

/**
 * What data says of its own disk, which may be anything: Glance holds up to 2^63 - 1. What a number of JavaScript
 * cannot hold exactly is held as the nearest that it can.
 */
function readVirtualSize(attribute: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  return Math.min(readWhole(attribute, value, 2 ** 63), MAX_VIRTUAL_SIZE);
}

function readTimeOrNull(attribute: string, value: unknown): Date | null {
  return value === undefined || value === null ? null : readTime(attribute, value);
}

/** @throws {BadDocument} */
export function readTime(attribute: string, value: unknown): Date {
  const second = typeof value === 'string' ? UTC_TIME.exec(value)?.[1] : undefined;
  const time = new Date(second === undefined ? NaN : (value as string));
  // A Date makes 2 March of 30 February, and has a year 0, which PostgreSQL has not.
  if (
    second === undefined ||
    second < '0001' ||
    Number.isNaN(time.getTime()) ||
    !time.toISOString().startsWith(second)
  ) {
    throw new BadDocument(attribute, value, 'a UTC time such as 2026-11-24T02:28:35Z');
  }
  return time;
}
