import type pg from 'pg';
import { MigrationError } from './migration-error.js';

/** The oldest major release of PostgreSQL that the migrations work on. */
const OLDEST_POSTGRESQL = 14;

interface Found {
  readonly release: number;
  readonly version: string;
  readonly encoding: string;
  readonly database: string;
  readonly role: string;
  readonly path: string;
  readonly schema: string | null;
  readonly may_create: boolean | null;
  readonly may_extend: boolean;
  readonly trgm_available: boolean;
  readonly trgm_schema: string | null;
  readonly trgm_usable: boolean | null;
}

const FIND = `
  SELECT current_setting('server_version_num')::int / 10000 AS release, current_setting('server_version') AS version,
         current_setting('server_encoding') AS encoding,
         quote_ident(current_database()) AS database, quote_ident(current_user) AS role,
         current_setting('search_path') AS path, quote_ident(current_schema()) AS schema,
         has_schema_privilege(current_schema(), 'CREATE') AS may_create,
         has_database_privilege(current_database(), 'CREATE') AS may_extend,
         EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS trgm_available,
         quote_ident(nspname) AS trgm_schema, has_schema_privilege(extnamespace, 'USAGE') AS trgm_usable
  FROM (VALUES (1)) AS one LEFT JOIN pg_extension ON extname = 'pg_trgm'
       LEFT JOIN pg_namespace ON pg_namespace.oid = extnamespace`;

/** The database that a connection leads to. */
export interface DatabaseFindings {
  readonly version: string;
  readonly encoding: string;
  readonly role: string;
  readonly schema: string | null;
  /** Why no release of this service can use it, with the remedy. */
  readonly unusable: string | undefined;
  /** Why this role cannot migrate it, with the remedy. */
  readonly unmigratable: string | undefined;
}

/** Finds out whether a database can be migrated, and used. @throws what pg throws */
export async function inspectDatabase(client: Pick<pg.Pool, 'query'>): Promise<DatabaseFindings> {
  const { rows } = await client.query<Found>(FIND);
  const found = rows[0]!;
  const { version, encoding, role, schema } = found;
  const unusable = problemOfUse(found);
  return { version, encoding, role, schema, unusable, unmigratable: unusable ?? problemOfRights(found) };
}

/**
 * Refuses a database that cannot be migrated, before anything is written.
 *
 * @throws {MigrationError}
 */
export async function requireMigratable(client: Pick<pg.Pool, 'query'>): Promise<void> {
  const { unmigratable } = await inspectDatabase(client);
  if (unmigratable) throw new MigrationError(`the database cannot be migrated: ${unmigratable}`);
}

function problemOfUse({
  release,
  version,
  encoding,
  database,
  schema,
  path,
  role,
}: Found): string | undefined {
  if (release < OLDEST_POSTGRESQL) {
    return `it is PostgreSQL ${version}, and ${OLDEST_POSTGRESQL} is the oldest that is supported`;
  }
  if (encoding !== 'UTF8') {
    return `the encoding of ${database} is ${encoding}; create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`;
  }
  if (schema === null) {
    return `no schema of its search_path (${path}) exists or may be used; create one with CREATE SCHEMA … AUTHORIZATION ${role}`;
  }
  return undefined;
}

function problemOfRights(found: Found): string | undefined {
  const { database, role, schema, trgm_schema } = found;
  if (!found.may_create) {
    return `the role ${role} may not create tables in the schema ${schema}; GRANT CREATE ON SCHEMA ${schema} TO ${role}`;
  }
  if (trgm_schema !== null && !found.trgm_usable) {
    return `the role ${role} may not use the schema ${trgm_schema}, which holds the extension pg_trgm; GRANT USAGE ON SCHEMA ${trgm_schema} TO ${role}`;
  }
  if (trgm_schema === null && !found.trgm_available) {
    return 'the extension pg_trgm is not installed on the server; install the contrib modules of its PostgreSQL';
  }
  if (trgm_schema === null && !found.may_extend) {
    return `the role ${role} may not create the extension pg_trgm; run CREATE EXTENSION pg_trgm in ${database} as a superuser, or GRANT CREATE ON DATABASE ${database} TO ${role}`;
  }
  return undefined;
}
