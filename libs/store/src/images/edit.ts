import { randomUUID } from 'node:crypto';
import type { EditableAttributes, Image, NewImage } from '@glimpse/domain';
import type { Statement } from '../statement.js';
import { READ_COLUMNS, columnsOf } from './image-columns.js';

const EDITABLE = [
  ...(['name', 'status', 'visibility', 'hidden', 'owner', 'protected', 'minDisk', 'minRam'] as const),
  ...(['diskFormat', 'containerFormat', 'tags', 'properties'] as const),
] satisfies (keyof EditableAttributes)[];

const edited = columnsOf(EDITABLE);
const created = columnsOf(['id', 'shownId', ...EDITABLE]);

/**
 * Creates an image; without a row there was one of its id. Served by the primary key of `images`.
 *
 * $1: its columns as JSON.
 */
const CREATE_IMAGE = `
  INSERT INTO images (${created.names.join(', ')}, created_at, updated_at)
  SELECT ${created.names.join(', ')}, statement_timestamp(), statement_timestamp()
  FROM jsonb_to_record($1::jsonb) AS made (${created.record})
  ON CONFLICT (id) DO NOTHING
  RETURNING ${READ_COLUMNS}`;

/**
 * Sets the attributes of an image that still has a version; without a row it has another one, or was deleted. Served by
 * the primary key of `images`.
 *
 * $1: the id; $2: the version; $3: all editable columns as JSON.
 */
const EDIT_IMAGE = `
  WITH changed AS (
    UPDATE images SET ${edited.names.map((name) => `${name} = edited.${name}`).join(', ')},
                      version = nextval('images_version_seq'), updated_at = clock_timestamp()
    FROM jsonb_to_record($3::jsonb) AS edited (${edited.record})
    WHERE images.id = $1 AND images.version = $2 AND images.deleted_at IS NULL
    RETURNING images.*
  )
  SELECT ${READ_COLUMNS} FROM changed`;

function documentOf(image: EditableAttributes): Record<string, unknown> {
  return Object.fromEntries(EDITABLE.map((attribute, at) => [edited.names[at], image[attribute]]));
}

export function createStatement({ id = randomUUID(), ...image }: NewImage): Statement {
  const key = id.toLowerCase();
  const document = {
    ...documentOf({ ...image, status: 'queued' }),
    id: key,
    shown_id: id === key ? null : id,
  };
  return { name: 'create image', text: CREATE_IMAGE, values: [JSON.stringify(document)] };
}

export function editStatement(image: Image, attributes: Partial<EditableAttributes>): Statement {
  const document = documentOf({ ...image, ...attributes });
  return {
    name: 'edit image',
    text: EDIT_IMAGE,
    values: [image.id, image.version, JSON.stringify(document)],
  };
}
