import type pg from 'pg';
import { readMigrations } from './scripts.js';

/** The rights of a running service, follower, import and purge on the tables of the catalogue. */
const RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

const FIND = `
  SELECT quote_ident(current_user) AS role, quote_ident(current_schema()) AS schema,
         array_agg(quote_ident(relname) ORDER BY relname) FILTER (WHERE relkind <> 'S' AND relname <> $4) AS tables,
         array_agg(quote_ident(relname) ORDER BY relname) FILTER (WHERE relkind = 'S') AS sequences,
         bool_or(relname = $4) AS records
  FROM pg_class AS each
  WHERE relnamespace = current_schema()::regnamespace
    AND (relkind <> 'S' AND relname = ANY ($1)
           AND NOT (SELECT bool_and(has_table_privilege(each.oid, name)) FROM unnest($2::text[]) AS name)
      OR relkind <> 'S' AND relname = $4 AND NOT has_table_privilege(each.oid, 'SELECT')
      OR relkind = 'S' AND NOT has_sequence_privilege(each.oid, 'USAGE')
           AND (relname = ANY ($3) OR EXISTS (
             SELECT FROM pg_depend JOIN pg_class AS owner ON owner.oid = refobjid
             WHERE objid = each.oid AND deptype = 'a' AND owner.relname = ANY ($1))))`;

/** Where migrations are recorded; a running service only reads it. */
const RECORDS = '_prisma_migrations';

/**
 * The statements that give the role of a connection the rights that the service needs on the tables
 * that exist; none where it has them.
 *
 * @throws what pg throws
 */
export async function missingRights(pool: Pick<pg.Pool, 'query'>): Promise<string[]> {
  const migrations = await readMigrations();
  const created = (kind: string): string[] =>
    migrations.flatMap(({ script }) =>
      [...script.matchAll(new RegExp(`^CREATE ${kind} (?:IF NOT EXISTS )?"?(\\w+)"?`, 'gim'))].map(
        ([, name]) => name!,
      ),
    );
  const { rows } = await pool.query<{
    role: string;
    schema: string;
    tables: string[] | null;
    sequences: string[] | null;
    records: boolean | null;
  }>(FIND, [created('TABLE'), RIGHTS, created('SEQUENCE'), RECORDS]);
  const { role, schema, tables, sequences, records } = rows[0]!;
  const named = (names: string[]): string => names.map((name) => `${schema}.${name}`).join(', ');
  return [
    ...(records ? [`GRANT SELECT ON ${named([RECORDS])} TO ${role}`] : []),
    ...(tables ? [`GRANT ${RIGHTS.join(', ')} ON ${named(tables)} TO ${role}`] : []),
    ...(sequences ? [`GRANT USAGE ON SEQUENCE ${named(sequences)} TO ${role}`] : []),
  ];
}
