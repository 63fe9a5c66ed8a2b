import { openDatabase, purgeImages } from '@glimpse/store';
import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { requireMigrations, withDatabase } from '../startup/database.js';
import { ageOf } from './age.js';

export const purgeCommand = new Command('purge')
  .requiredOption('--older-than <age>', 'how long ago an image was deleted, such as 30d, 12h or 0s')
  .description('permanently remove deleted images; they can no longer be used as list markers')
  .action(async ({ olderThan }: { olderThan: string }) => {
    const before = new Date(Date.now() - ageOf(olderThan));
    await withDatabase(
      loadSettings(process.env),
      async ({ url, pooler }) => {
        const database = openDatabase({ url, pooler, poolSize: 1, queryTimeoutMs: 0 });
        try {
          await requireMigrations(database);
          console.log(`${await purgeImages(database, before)} images purged`);
        } finally {
          await database.close();
        }
      },
      () => 'what was not purged yet stays; run the same command again',
    );
  });
