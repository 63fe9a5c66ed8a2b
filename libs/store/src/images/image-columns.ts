import {
  COMPARED_ATTRIBUTES,
  IMAGE_ATTRIBUTE_NAMES,
  type Image,
  type ImageAttribute,
  type ImageLocations,
  type ImageStatus,
  type Member,
  type MemberStatus,
  type SourceImage,
  type Visibility,
} from '@glimpse/domain';

/** The column of each attribute, and its type. */
const COLUMNS: { readonly [Attribute in ImageAttribute]: readonly [name: string, type: string] } = {
  id: ['id', 'uuid'],
  shownId: ['shown_id', 'text'],
  name: ['name', 'text'],
  status: ['status', 'text'],
  visibility: ['visibility', 'text'],
  hidden: ['hidden', 'boolean'],
  owner: ['owner', 'text'],
  protected: ['protected', 'boolean'],
  size: ['size', 'bigint'],
  minDisk: ['min_disk', 'integer'],
  minRam: ['min_ram', 'integer'],
  diskFormat: ['disk_format', 'text'],
  containerFormat: ['container_format', 'text'],
  checksum: ['checksum', 'text'],
  hashAlgorithm: ['hash_algorithm', 'text'],
  hashValue: ['hash_value', 'text'],
  virtualSize: ['virtual_size', 'bigint'],
  tags: ['tags', 'text[]'],
  locations: ['locations', 'jsonb'],
  properties: ['properties', 'jsonb'],
  createdAt: ['created_at', 'timestamptz'],
  updatedAt: ['updated_at', 'timestamptz'],
};

const columnOf = (attribute: ImageAttribute): string => COLUMNS[attribute][0];
const sourceColumns = IMAGE_ATTRIBUTE_NAMES.map(columnOf);
const compared = [...COMPARED_ATTRIBUTES.map(columnOf), 'deleted_at'];

/** What the statements of lists carry of an image, in SQL, of the row `image`: all but id and time of creation. */
export const LISTED_COLUMNS = ['version', ...sourceColumns, 'deleted_at']
  .filter((column) => column !== 'id' && column !== 'created_at')
  .map((column) => `image.${column}`)
  .join(', ');

/** What a statement reads of an image for {@link imageOf}, members aside. */
export const READ_COLUMNS = [
  'version',
  ...IMAGE_ATTRIBUTE_NAMES.map((attribute) =>
    columnOf(attribute) === attribute ? attribute : `${columnOf(attribute)} AS "${attribute}"`,
  ),
].join(', ');

/** The same where {@link listedImageOf} follows: properties are text. */
export const READ_COLUMNS_OF_LISTS = READ_COLUMNS.replace(/\bproperties\b/, 'properties::text AS properties');

/** All columns that are written of an image of a source. */
export const IMAGE_COLUMNS = [...sourceColumns, 'deleted_at'].join(', ');

/** An image as the statements that write images accept it. */
export function documentOf(image: SourceImage): object {
  const document: Record<string, unknown> = { deleted: image.deleted };
  for (const attribute of IMAGE_ATTRIBUTE_NAMES) document[columnOf(attribute)] = image[attribute];
  // As the release before leaves it: equal images stay equal.
  if (image.shownId === image.id) document[columnOf('shownId')] = null;
  return document;
}

/**
 * Images out of a JSON array of {@link documentOf}, as rows of their columns.
 *
 * @param parameter such as `$1`
 */
export const imagesIn = (parameter: string): string => `
  SELECT ${sourceColumns.join(', ')}, CASE WHEN deleted THEN updated_at END AS deleted_at
  FROM jsonb_to_recordset(${parameter}::jsonb)
       AS batch (${Object.values(COLUMNS)
         .map((column) => column.join(' '))
         .join(', ')}, deleted boolean)`;

/** The columns of some attributes, and as they stand in a record definition. */
export function columnsOf(attributes: readonly ImageAttribute[]): { names: string[]; record: string } {
  const columns = attributes.map((attribute) => COLUMNS[attribute]);
  return {
    names: columns.map(([name]) => name),
    record: columns.map((column) => column.join(' ')).join(', '),
  };
}

/** What becomes of the row `kept` when another image, `EXCLUDED`, replaces it. */
export const REPLACEMENT = `
  version = nextval('images_version_seq'), ${compared.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`;

/** Whether that would change anything. */
export const DIFFERS = `
  (${compared.map((name) => `kept.${name}`).join(', ')})
  IS DISTINCT FROM (${compared.map((name) => `EXCLUDED.${name}`).join(', ')})`;

/** What Prisma or a statement reads in other types than the domain's: pg leaves large numbers as text. */
interface RawAttributes {
  readonly version: bigint | string;
  /** Left out where rows are of no mirror, or of one whose attributes are filled. */
  readonly attributesCurrent?: boolean;
  readonly status: string;
  readonly visibility: string;
  readonly shownId: string | null;
  readonly size: bigint | string | null;
  readonly virtualSize: bigint | string | null;
  readonly locations: unknown;
  readonly properties: unknown;
  readonly members: readonly MemberRow[] | null;
}

/** A member as it is read; lists leave its times out. */
interface MemberRow {
  readonly member: string;
  readonly status: string;
  readonly createdAt?: Date | null;
  readonly updatedAt?: Date | null;
}

/** An image as Prisma or a statement reads it. */
export type ImageRow = Omit<Image, keyof RawAttributes> & RawAttributes;

/** A row as the domain's image. */
export function imageOf(row: ImageRow): Image {
  return {
    id: row.id,
    shownId: row.shownId ?? row.id,
    version: BigInt(row.version),
    attributesCurrent: row.attributesCurrent ?? true,
    name: row.name,
    status: row.status as ImageStatus,
    visibility: row.visibility as Visibility,
    hidden: row.hidden,
    owner: row.owner,
    protected: row.protected,
    size: numberOf(row.size),
    minDisk: row.minDisk,
    minRam: row.minRam,
    diskFormat: row.diskFormat,
    containerFormat: row.containerFormat,
    checksum: row.checksum,
    hashAlgorithm: row.hashAlgorithm,
    hashValue: row.hashValue,
    virtualSize: numberOf(row.virtualSize),
    tags: row.tags,
    locations: row.locations as ImageLocations | null,
    properties: row.properties as Image['properties'],
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    members: new Map(row.members?.map((member) => [member.member, memberOf(member)])),
  };
}

/** The properties that were read last of a listed image. */
let parsed: { readonly row: object; readonly properties: Image['properties'] } | undefined;

/** A row with properties as text, which is parsed when they are read: those of a large page would fill the heap. */
export function listedImageOf(row: ImageRow): Image {
  return Object.defineProperty(imageOf(row), 'properties', {
    enumerable: true,
    get() {
      if (parsed?.row !== row) {
        parsed = { row, properties: JSON.parse(row.properties as string) as Image['properties'] };
      }
      return parsed.properties;
    },
  });
}

function numberOf(value: bigint | string | null): number | null {
  return value === null ? null : Number(value);
}

function memberOf({ status, createdAt = null, updatedAt = null }: MemberRow): Member {
  return { status: status as MemberStatus, createdAt, updatedAt };
}
