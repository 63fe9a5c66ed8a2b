/**
 * A PostgreSQL with unusual but valid settings. Every suite must have the same results on it as elsewhere.
 */
import pg from 'pg';

/** Settings of the server. */
export const HOSTILE_SERVER = [
  'timezone=Asia/Kolkata',
  'log_timezone=Asia/Kolkata',
  'datestyle=SQL, DMY',
  'default_transaction_isolation=repeatable read',
];

/** The role that services and commands connect as. It owns its schema, and has no rights in `public`. */
const ROLE = 'tenant';
const PASSWORD = 'p@ss/w#rd:%?';

/** Settings of the role, which take precedence over the server's and the database's. */
const ROLE_SETTINGS = {
  timezone: 'America/St_Johns',
  datestyle: 'German',
  intervalstyle: 'sql_standard',
  search_path: 'catalogue',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  statement_timeout: '30ms',
  lock_timeout: '10ms',
  idle_in_transaction_session_timeout: '30ms',
  idle_session_timeout: '300ms',
  transaction_timeout: '1s',
  gin_fuzzy_search_limit: '1',
  standard_conforming_strings: 'off',
  bytea_output: 'escape',
  extra_float_digits: '-15',
};

async function run(url, ...statements) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/**
 * Makes the role, its schema in the database `glimpse`, and `glimpse_empty`, which suites get a copy of where they
 * want a database without tables.
 *
 * @returns the URL of `glimpse` for the role
 */
export async function makeHostile(url) {
  const literal = (text) => `'${text.replaceAll("'", "''")}'`;
  await run(
    url,
    `CREATE ROLE ${ROLE} LOGIN PASSWORD ${literal(PASSWORD)}`,
    ...Object.entries(ROLE_SETTINGS).map(([name, value]) =>
      name === 'datestyle' || name === 'search_path'
        ? `ALTER ROLE ${ROLE} SET ${name} = ${value}`
        : `ALTER ROLE ${ROLE} SET ${name} = ${literal(value)}`,
    ),
    `ALTER DATABASE glimpse SET timezone TO 'Pacific/Kiritimati'`,
    'CREATE DATABASE glimpse_empty',
  );
  for (const database of ['glimpse', 'glimpse_empty']) {
    const own = new URL(url);
    own.pathname = database;
    await run(
      own.toString(),
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      `CREATE SCHEMA catalogue AUTHORIZATION ${ROLE}`,
      'CREATE EXTENSION pg_trgm SCHEMA catalogue',
    );
  }
  const tenant = new URL(url);
  tenant.username = ROLE;
  tenant.password = encodeURIComponent(PASSWORD);
  return tenant.toString();
}
