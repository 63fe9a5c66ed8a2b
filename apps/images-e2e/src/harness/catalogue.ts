import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { glimpse } from './command.js';
import { createDatabase, databaseUrl } from './databases.js';
import { newFolder } from './service.js';

/** A database of a suite's own with these documents, imported by the command. */
export async function createCatalogue(input: object): Promise<string> {
  const database = await createDatabase('migrated');
  await importInto(database, input);
  return database;
}

/** Imports documents into a database. */
export async function importInto(database: string, input: object): Promise<void> {
  const env = { DATABASE_URL: databaseUrl(database) };
  const { code, stderr } = await glimpse(['import', '-'], env, { input: JSON.stringify(input) });
  if (code !== 0) throw new Error(`the import failed: ${stderr}`);
}

/** An identity that is not in the recordings. */
export interface Person {
  readonly project_id?: string;
  readonly roles: readonly string[];
}

/** The settings of a service with these identities; the token of each is its name. */
export function settingsOf(people: Readonly<Record<string, Person>>): Record<string, string> {
  const file = join(newFolder(), 'identities.json');
  const identities = Object.entries(people).map(([name, person]) => [
    name,
    { user_id: name, user_name: name, ...person },
  ]);
  writeFileSync(file, JSON.stringify(Object.fromEntries(identities)));
  return { GLIMPSE_IDENTITIES: file };
}
