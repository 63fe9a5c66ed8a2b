import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The URL of a database on the run's PostgreSQL. */
export function databaseUrl(name: string): string {
  const url = new URL(process.env['GLIMPSE_E2E_DATABASE']!);
  url.pathname = name;
  return url.toString();
}

/** Runs one statement on a database of the run's PostgreSQL. */
export async function query(database: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl(database) });
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
 * @param contents `contract`: the catalogue of the recordings; `empty`: not even a schema
 * @returns its name
 */
export async function createDatabase(contents: 'contract' | 'empty'): Promise<string> {
  const name = `suite_${randomBytes(6).toString('hex')}`;
  const template = contents === 'contract' ? 'glimpse' : 'template0';
  await query('postgres', `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return name;
}
