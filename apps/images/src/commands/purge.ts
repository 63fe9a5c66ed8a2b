import { InvalidOptions } from '@glimpse/options';
import { openDatabase, purgeImages } from '@glimpse/store';
import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { requireMigrations, withDatabase } from '../startup/database.js';

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

/** Milliseconds of an age such as `30d`. */
function ageOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined) {
    throw new InvalidOptions([
      `--older-than = ${JSON.stringify(text)} is not allowed: it must be a whole number with s, m, h or d, such as 30d`,
    ]);
  }
  return Number(count) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's' | 'm' | 'h' | 'd'];
}
