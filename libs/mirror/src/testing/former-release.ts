import type { Lease, SourceImage, SourceMembers, Ticket } from '@glimpse/domain';
import type { Database } from '@glimpse/store';

/** Columns of an image in release 0.1. */
const COLUMNS =
  'id, name, status, visibility, hidden, owner, protected, size, min_disk, min_ram, properties, created_at, updated_at';
const COMPARED =
  'name, status, visibility, hidden, owner, protected, size, min_disk, min_ram, properties, created_at, updated_at, deleted_at'.split(
    ', ',
  );
const columnsOf = (row: string): string => COMPARED.map((column) => `${row}.${column}`).join(', ');

const HELD = `
  held AS (
    SELECT FROM follower WHERE lease = $1 AND ends_at > clock_timestamp() FOR SHARE
  ), may AS (
    SELECT $1::bigint IS NULL OR EXISTS (SELECT FROM held) AS write
  )`;

const APPLY = `
  WITH ${HELD}, batch AS (
    SELECT ${COLUMNS}, CASE WHEN deleted THEN updated_at END AS deleted_at
    FROM jsonb_to_recordset($3::jsonb)
         AS batch (id uuid, name text, status text, visibility text, hidden boolean, owner text, protected boolean,
                   size bigint, min_disk integer, min_ram integer, properties jsonb, created_at timestamptz,
                   updated_at timestamptz, deleted boolean)
  ), newer AS (
    INSERT INTO mirrored AS kept (image_id, ticket, shared)
    SELECT id, $2, visibility = 'shared' AND deleted_at IS NULL FROM batch, may WHERE may.write ORDER BY id
    ON CONFLICT (image_id) DO UPDATE
    SET ticket = EXCLUDED.ticket, shared = EXCLUDED.shared,
        members_ticket = CASE WHEN kept.shared THEN kept.members_ticket ELSE 0 END,
        has_members = kept.shared AND kept.has_members
    WHERE kept.ticket < EXCLUDED.ticket
    RETURNING image_id
  ), written AS (
    INSERT INTO images AS kept (${COLUMNS}, deleted_at)
    SELECT ${COLUMNS}, deleted_at FROM batch JOIN newer ON image_id = id
    ON CONFLICT (id) DO UPDATE
    SET version = nextval('images_version_seq'), ${COMPARED.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}
    WHERE (${columnsOf('kept')}) IS DISTINCT FROM (${columnsOf('EXCLUDED')})
    RETURNING id, xmax = 0 AS added
  )
  SELECT may.write AS held FROM may LEFT JOIN written ON true GROUP BY may.write`;

const APPLY_MEMBERS = `
  WITH ${HELD}, batch AS (
    SELECT image_id, members FROM jsonb_to_recordset($3::jsonb) AS named (image_id uuid, members jsonb)
  ), newer AS (
    UPDATE mirrored SET members_ticket = $2, members_read_at = clock_timestamp(),
                        has_members = jsonb_array_length(members) > 0
    FROM batch, may
    WHERE may.write AND mirrored.image_id = batch.image_id AND mirrored.members_ticket < $2
    RETURNING batch.image_id, members
  ), wanted AS (
    SELECT image_id, member, status
    FROM newer, jsonb_to_recordset(members) AS listed (member text, status text)
  ), removed AS (
    DELETE FROM members AS kept USING newer
    WHERE kept.image_id = newer.image_id
      AND NOT EXISTS (SELECT FROM wanted WHERE wanted.image_id = kept.image_id AND wanted.member = kept.member)
  )
  INSERT INTO members AS kept (image_id, member, status)
  SELECT image_id, member, status FROM wanted
  ON CONFLICT (image_id, member) DO UPDATE SET status = EXCLUDED.status
  WHERE kept.status <> EXCLUDED.status`;

const ACQUIRE = `
  UPDATE follower SET lease = lease + 1, holder = 'former', ends_at = clock_timestamp() + interval '3 s'
  WHERE ends_at < clock_timestamp() RETURNING lease AS number`;

/** Writes a mirror as release 0.1 does, with its statements, which name no column that came after it. */
export class FormerRelease {
  constructor(private readonly database: Database) {}

  async acquire(): Promise<Lease> {
    const { rows } = await this.database.pool.query<{ number: string }>(ACQUIRE);
    return { number: BigInt(rows[0]!.number) };
  }

  async release({ number }: Lease): Promise<void> {
    await this.database.pool.query(`UPDATE follower SET ends_at = '-infinity' WHERE lease = $1`, [number]);
  }

  async apply(images: readonly SourceImage[], ticket: Ticket, lease?: Lease): Promise<void> {
    const batch = images.map((image) => ({
      ...image,
      min_disk: image.minDisk,
      min_ram: image.minRam,
      created_at: image.createdAt,
      updated_at: image.updatedAt,
    }));
    const values = [lease?.number ?? null, ticket.number, JSON.stringify(batch)];
    await this.database.pool.query(APPLY, values);
  }

  async applyMembers(read: readonly SourceMembers[], ticket: Ticket, lease?: Lease): Promise<void> {
    const batch = read.map(({ imageId, members }) => ({
      image_id: imageId,
      members: [...members].map(([member, { status }]) => ({ member, status })),
    }));
    const values = [lease?.number ?? null, ticket.number, JSON.stringify(batch)];
    await this.database.pool.query(APPLY_MEMBERS, values);
  }

  /** Ends an incremental and a full sync. */
  async advance({ number }: Lease): Promise<void> {
    await this.database.pool.query(
      `UPDATE follower SET changed_until = now() - interval '1 h', looked_at = clock_timestamp(), walk = NULL,
                           walked_at = clock_timestamp() WHERE lease = $1`,
      [number],
    );
  }
}
