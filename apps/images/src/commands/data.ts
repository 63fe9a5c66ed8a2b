import { InvalidOptions } from '@glimpse/options';
import { StoredImageObjects, openDatabase } from '@glimpse/store';
import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { loadStores, ownStores } from '../startup/data.js';
import { requireMigrations, withDatabase } from '../startup/database.js';
import { ageOf } from './age.js';

interface CheckOptions {
  readonly repair: boolean;
  readonly deleteOrphans: boolean;
  readonly olderThan?: string;
}

/** The time before which orphans are deleted; undefined: none are. @throws {InvalidOptions} */
function orphansBefore({ deleteOrphans, olderThan }: CheckOptions): Date | undefined {
  if (deleteOrphans !== (olderThan !== undefined)) {
    throw new InvalidOptions([
      deleteOrphans
        ? '--older-than is missing: --delete-orphans requires it, such as --older-than 30d'
        : '--older-than is not allowed without --delete-orphans',
    ]);
  }
  return olderThan === undefined ? undefined : new Date(Date.now() - ageOf(olderThan));
}

const checkCommand = new Command('check')
  .description(
    'compare the stores of image data with the catalogue, and print a line for each finding; exit 1 if any is left',
  )
  .option('--repair', 'count usage again, and mend the states of images and objects', false)
  .option('--delete-orphans', 'delete objects that the catalogue does not name', false)
  .option('--older-than <age>', 'how long ago such an object was written, such as 30d, 12h or 0s')
  .action(async (options: CheckOptions) => {
    const before = orphansBefore(options);
    const settings = loadSettings(process.env);
    const loaded = await loadStores(settings, () => (reason) => process.stderr.write(`${reason}\n`));
    if (loaded.length === 0) {
      throw new InvalidOptions(['GLIMPSE_DATA_USE is missing: there is no store of image data to check']);
    }
    const { checkData } = await import('./data/check-data.js');
    await withDatabase(
      settings,
      async ({ url, pooler }) => {
        const database = openDatabase({ url, pooler, poolSize: 2, queryTimeoutMs: 0 });
        try {
          await requireMigrations(database);
          const stores = ownStores(loaded, new StoredImageObjects(database));
          const { repair } = options;
          if (!(await checkData({ database, stores, repair, orphansBefore: before }))) process.exitCode = 1;
        } finally {
          await database.close();
        }
      },
      () => 'what was repaired by then stays; run the same command again',
    );
  });

export const dataCommand = new Command('data')
  .description('check the stores of image data')
  .addCommand(checkCommand);
