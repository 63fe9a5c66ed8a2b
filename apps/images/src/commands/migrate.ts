import { markApplied, migrate, orUnavailable } from '@glimpse/store';
import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { withDatabase } from '../startup/database.js';

export const migrateCommand = new Command('migrate')
  .description('bring the database up to date; any number may run at once')
  .option('--mark-applied <name>', 'only record that the database has all of a migration already')
  .action(({ markApplied: name }: { markApplied?: string }) =>
    withDatabase(
      loadSettings(process.env),
      async ({ url, pooler }) => {
        if (name !== undefined) {
          await orUnavailable(() => markApplied(url, name, pooler));
          console.log(`recorded ${name} as applied`);
          return;
        }
        const options = {
          pooler,
          onApplied: (name: string) => console.log(`applied ${name}`),
          onWaiting: (holder: string) => console.error(`glimpse: waiting for ${holder}, which is migrating`),
        };
        const applied = await orUnavailable(() => migrate(url, options));
        if (applied.length === 0) console.log('nothing to do');
      },
      () => 'what was not applied is rolled back; run glimpse migrate again',
    ),
  );
