import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Whether the run's PostgreSQL is the one of `hostile.mjs`. */
export const HOSTILE = process.env['GLIMPSE_E2E_HOSTILE'] === 'yes';

/** The template of a database, by its content. */
const TEMPLATES = {
  contract: 'glimpse',
  migrated: 'glimpse_migrated',
  empty: HOSTILE ? 'glimpse_empty' : 'template0',
};

/** The URL of a database on the run's PostgreSQL, as services and commands are given it. */
export function databaseUrl(name: string): string {
  return withName(process.env['GLIMPSE_E2E_DATABASE']!, name);
}

function withName(database: string, name: string): string {
  const url = new URL(database);
  url.pathname = name;
  return url.toString();
}

/** Runs one statement, with all rights, on a database of the run's PostgreSQL. */
export async function query(database: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString: withName(process.env['GLIMPSE_E2E_ADMIN']!, database),
    options: '-c search_path=catalogue,public -c TimeZone=UTC -c DateStyle=ISO',
  });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/**
 * A database of a suite's own.
 *
 * @param contents `contract`: the catalogue of the recordings; `migrated`: the schema, and no image; `empty`: neither
 * @returns its name
 */
export async function createDatabase(contents: keyof typeof TEMPLATES): Promise<string> {
  const name = `suite_${randomBytes(6).toString('hex')}`;
  await query('postgres', `CREATE DATABASE ${name} TEMPLATE ${TEMPLATES[contents]}`);
  return name;
}
