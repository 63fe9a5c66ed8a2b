/** The columns that an image of a source brings, with their types in JSON. */
const BROUGHT = {
  id: 'uuid',
  name: 'text',
  status: 'text',
  visibility: 'text',
  hidden: 'boolean',
  owner: 'text',
  protected: 'boolean',
  size: 'bigint',
  min_disk: 'integer',
  min_ram: 'integer',
  properties: 'jsonb',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
};

const columns = Object.keys(BROUGHT);
const compared = [...columns.slice(1), 'deleted_at'];

/**
 * Images out of a JSON array, the one of `documentOf`, as rows of their columns.
 *
 * @param parameter such as `$1`
 */
export const imagesIn = (parameter: string): string => `
  SELECT ${columns.join(', ')}, CASE WHEN deleted THEN updated_at END AS deleted_at
  FROM jsonb_to_recordset(${parameter}::jsonb)
       AS batch (${columns.map((name) => `${name} ${BROUGHT[name as keyof typeof BROUGHT]}`).join(', ')}, deleted boolean)`;

/** All of these columns. */
export const IMAGE_COLUMNS = [...columns, 'deleted_at'].join(', ');

/** What becomes of the row `kept` when another image, `EXCLUDED`, takes its place. */
export const REPLACEMENT = `
  version = nextval('images_version_seq'), ${compared.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`;

/** Whether that would change anything. */
export const DIFFERS = `
  (${compared.map((name) => `kept.${name}`).join(', ')})
  IS DISTINCT FROM (${compared.map((name) => `EXCLUDED.${name}`).join(', ')})`;
