import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';

/** The folder of schema and migrations: beside the bundled command, or at the root of a checkout. */
const PRISMA_FOLDER = ['../prisma/', '../../../../prisma/']
  .map((folder) => new URL(folder, import.meta.url))
  .find((folder) => existsSync(new URL('schema.prisma', folder)))!;

/** One migration of `prisma/migrations`. */
export interface Migration {
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script in hexadecimal, as Prisma records it. */
  readonly checksum: string;
}

/** The migrations of this build, in the order in which they are applied. */
export async function readMigrations(): Promise<Migration[]> {
  const folder = new URL('migrations/', PRISMA_FOLDER);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(new URL(`${name}/migration.sql`, folder), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

/** The index that a script creates or drops concurrently. */
export interface ConcurrentIndex {
  readonly action: 'create' | 'drop';
  /** As the script writes it, possibly quoted. */
  readonly index: string;
}

const CONCURRENT =
  /^(CREATE(?:\s+UNIQUE)?|DROP)\s+INDEX\s+CONCURRENTLY\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?("[^"]+"|[\w$]+)/i;

/**
 * The index of a script that PostgreSQL refuses to run in a transaction, or undefined for an ordinary script.
 * A script is recognised by its statement and not only by the mark `-- no transaction`: one without the mark may be
 * applied in some database, where its checksum must stay.
 *
 * @throws {TypeError} the script is marked, or has such a statement, but other statements beside it
 */
export function concurrentIndexOf({ name, script }: Migration): ConcurrentIndex | undefined {
  const marked = /^--\s*no transaction\s*$/im.test(script);
  const statement = script
    .replace(/^\s*--.*$/gm, '')
    .trim()
    .replace(/;$/, '');
  const [, action = '', index = ''] = CONCURRENT.exec(statement) ?? [];
  if (!index && !marked) return undefined;
  if (!index || statement.includes(';')) {
    throw new TypeError(
      `migration ${name}: CREATE or DROP INDEX CONCURRENTLY has to be the only statement of a script without transaction`,
    );
  }
  return { action: /^create/i.test(action) ? 'create' : 'drop', index };
}
