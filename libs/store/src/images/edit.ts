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
 * Creates images; one without a row is not created, for there was one of its id. Served by the primary key of `images`.
 *
 * $1: a JSON array of their columns.
 */
const CREATE_IMAGES = `
  INSERT INTO images (${created.names.join(', ')}, created_at, updated_at)
  SELECT ${created.names.join(', ')}, statement_timestamp(), statement_timestamp()
  FROM jsonb_to_recordset($1::jsonb) AS made (${created.record})
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

/** The columns of a new image as JSON, and its id as rows have it. */
export interface Creation {
  readonly id: string;
  readonly document: string;
}

export function creationOf({ id: shownId = randomUUID(), ...image }: NewImage): Creation {
  const id = shownId.toLowerCase();
  const columns = documentOf({ ...image, status: 'queued' });
  return {
    id,
    document: JSON.stringify({ ...columns, id, shown_id: id === shownId ? null : shownId }),
  };
}

export function createStatement(creations: readonly Creation[]): Statement {
  const documents = creations.map(({ document }) => document);
  return { name: 'create images', text: CREATE_IMAGES, values: [`[${documents.join()}]`] };
}

export function editStatement(image: Image, attributes: Partial<EditableAttributes>): Statement {
  const document = documentOf({ ...image, ...attributes });
  return {
    name: 'edit image',
    text: EDIT_IMAGE,
    values: [image.id, image.version, JSON.stringify(document)],
  };
}
