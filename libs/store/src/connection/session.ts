import type pg from 'pg';

/** A pooler in front of PostgreSQL assigns its connections for a client's session or for a transaction. */
export type Pooler = 'session' | 'transaction';

/** What the sessions of a kind are for. */
export interface SessionOptions {
  /** As `pg_stat_activity` shows it. */
  readonly name: string;
  /** Milliseconds after which PostgreSQL ends a statement; 0: never. */
  readonly statementTimeout: number;
  /** Whether it is for the catalogue: then plans must not depend on what PostgreSQL believes of the tables. */
  readonly catalogue?: boolean;
  /** Whether it may be a session of a standby, which accepts no changes. */
  readonly standby?: boolean;
  readonly pooler?: Pooler | undefined;
}

/** Part of a statement's time after which its wait for a lock ends: that is no outage, and has an error of its own. */
const LOCK_PART = 1 / 2;
/** Milliseconds after which PostgreSQL ends a transaction whose client does nothing. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/** The time limit of the first query of a session. */
const BEGIN_TIMEOUT_MS = 2_000;
/** Shows that the start-up options of a connection have arrived: a pooler may drop them without a word. */
const MARK = 'glimpse.session';

/**
 * Settings by which a query has one plan, whatever its values and whatever PostgreSQL believes of the tables: every
 * query has an index, whose order it stops in, and none runs for so long that compiling it would pay.
 */
const FIXED_PLANS = {
  enable_seqscan: 'off',
  enable_sort: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
};

/** The wait for a lock that statements of a session may spend, in milliseconds; 0: without a limit. */
export function lockTimeoutOf(statementTimeout: number): number {
  return Math.floor(statementTimeout * LOCK_PART);
}

/**
 * What the code relies on, whatever the server, the database or the role are set to. As start-up options these
 * take precedence over all three.
 */
export function sessionSettings(
  { statementTimeout, catalogue = false }: SessionOptions,
  schema: string | undefined,
): Readonly<Record<string, string>> {
  return {
    TimeZone: 'UTC',
    DateStyle: 'ISO, MDY',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off',
    statement_timeout: String(statementTimeout),
    lock_timeout: String(lockTimeoutOf(statementTimeout)),
    idle_in_transaction_session_timeout: String(statementTimeout && IDLE_IN_TRANSACTION_MS),
    idle_session_timeout: '0',
    gin_fuzzy_search_limit: '0',
    standard_conforming_strings: 'on',
    ...(schema !== undefined && { search_path: quoted(schema) }),
    ...(catalogue && FIXED_PLANS),
    [MARK]: 'on',
  };
}

/** An identifier as SQL has it. */
function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Settings as start-up options; of what is given twice the last counts, so that ours go behind an operator's. */
export function startupOptions(settings: Readonly<Record<string, string>>, given = ''): string {
  const escaped = (text: string): string => text.replace(/[\\\s]/g, '\\$&');
  return [given, ...Object.entries(settings).map(([name, value]) => `-c ${name}=${escaped(value)}`)]
    .join(' ')
    .trim();
}

/** A standby lags behind and accepts no changes; the code is PostgreSQL's for changes there. */
export class NotPrimary extends Error {
  readonly code = '25006';

  constructor() {
    super('the database is a standby');
  }
}

/** The database does not accept what a session needs. The message has the remedy. */
class SessionRefused extends Error {
  readonly code = 'session-refused';
}

/** Start-up options do not arrive: a pooler refuses or drops them. */
export class PoolerInFront extends SessionRefused {
  constructor(options?: ErrorOptions) {
    super(
      'a pooler is in front that does not pass start-up options on: say which with DATABASE_POOLER=session or ' +
        'DATABASE_POOLER=transaction',
      options,
    );
  }
}

/**
 * Prepares a session that has just begun, with one query, and refuses one that would not do.
 *
 * @throws {NotPrimary} {SessionRefused}; and what pg throws
 */
export async function beginSession(
  client: pg.ClientBase,
  options: SessionOptions,
  schema: string | undefined,
): Promise<void> {
  if (options.pooler === 'transaction') return beginPooledSession(client, options, schema);
  // Past a pooler, the settings have arrived; behind one for sessions they are made now.
  const settings = options.pooler === 'session' ? sessionSettings(options, schema) : {};
  const query = {
    text: `SELECT pg_is_in_recovery() AS standby, current_setting('${MARK}', true) AS mark,
            current_setting('server_encoding') AS encoding,
            CASE WHEN current_setting('server_version_num')::int >= 170000
                 THEN set_config('transaction_timeout', '0', false) END,
            (SELECT count(set_config(name, value, false)) FROM unnest($1::text[], $2::text[]) AS given (name, value))`,
    values: [Object.keys(settings), Object.values(settings)],
    query_timeout: BEGIN_TIMEOUT_MS,
  };
  const { rows } = await client.query<{ standby: boolean; mark: string | null; encoding: string }>(query);
  const { standby, mark, encoding } = rows[0]!;
  if (standby && !options.standby) throw new NotPrimary();
  if (options.pooler === undefined && mark !== 'on') throw new PoolerInFront();
  if (options.catalogue) requireUtf8(encoding);
}

/**
 * A pooler for transactions keeps `TimeZone` and `DateStyle` with its client; any other setting would stay with a
 * connection that other clients use, too. What cannot be had for each transaction has to be the role's.
 */
async function beginPooledSession(
  client: pg.ClientBase,
  { statementTimeout }: SessionOptions,
  schema: string | undefined,
): Promise<void> {
  const query = {
    text: `SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false),
            pg_is_in_recovery() AS standby, current_schema() AS schema,
            current_setting('server_encoding') AS encoding,
            (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS limit,
            format('ALTER ROLE %I IN DATABASE %I', session_user, current_database()) AS role`,
    query_timeout: BEGIN_TIMEOUT_MS,
  };
  const { rows } = await client.query<{
    standby: boolean;
    schema: string | null;
    encoding: string;
    limit: number;
    role: string;
  }>(query);
  const found = rows[0]!;
  if (found.standby) throw new NotPrimary();
  requireUtf8(found.encoding);
  if (schema !== undefined && found.schema !== schema) {
    throw new SessionRefused(
      `behind a pooler for transactions the role itself must have the schema: ${found.role} SET search_path = ${quoted(schema)}`,
    );
  }
  if (found.limit > 0 && found.limit < statementTimeout) {
    throw new SessionRefused(
      `the role ends statements after ${found.limit} ms, and behind a pooler for transactions that cannot be ` +
        `changed from here: ${found.role} SET statement_timeout = ${statementTimeout}`,
    );
  }
}

/** Names and properties are any text. An earlier release did not refuse other encodings when it migrated. */
function requireUtf8(encoding: string): void {
  if (encoding === 'UTF8') return;
  throw new SessionRefused(
    `the encoding of the database is ${encoding}, which cannot hold every name: move it to one that was created with ` +
      "ENCODING 'UTF8' TEMPLATE template0",
  );
}
