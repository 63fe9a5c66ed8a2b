import 'reflect-metadata';
import { PolicyError } from '@glimpse/auth';
import { SourceUnavailable, printable } from '@glimpse/domain';
import { BadDocument } from '@glimpse/glance';
import { InvalidOptions } from '@glimpse/options';
import { PluginError } from '@glimpse/plugins';
import {
  DatabaseUnavailable,
  MigrationError,
  markApplied,
  migrate,
  openDatabase,
  orUnavailable,
  purgeImages,
} from '@glimpse/store';
import { EmbeddedDatabaseError } from '@glimpse/store/embedded';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { ProtectionFileError } from './access/protections/errors.js';
import { loadSettings } from './settings/load.js';
import { maskedSettings } from './settings/masked.js';
import { requireMigrations, withDatabase } from './startup/database.js';
import { policyCommand } from './commands/policy.js';
import { untilStopped } from './startup/stop-signal.js';
import { VERSION } from './settings/version.js';

export { mayExit } from './startup/stop-signal.js';

/** The exit code of `follow --status` when no process follows; as `systemctl status` has it for what does not run. */
const NO_FOLLOWER = 3;

const program = new Command('glimpse')
  .description(
    'An images service for OpenStack clouds. Settings come from the environment and GLIMPSE_CONFIG.',
  )
  .version(VERSION)
  .showHelpAfterError();

program
  .command('serve')
  .description('run the service until SIGTERM, SIGINT or SIGHUP')
  .action(async () => {
    const settings = loadSettings(process.env);
    const { serve } = await import('./commands/serve.js');
    await untilStopped((stop) => serve(settings, stop));
  });

program
  .command('migrate')
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

program
  .command('import')
  .argument('<file>', 'a file, or - for standard input')
  .option('--force', 'replace images that changed later than the document says', false)
  .description('put Glance v2 image documents into the catalogue')
  .action(async (file: string, { force }: { force: boolean }) => {
    const { ImportProgress, openInput, runImport } = await import('./commands/import.js');
    const settings = loadSettings(process.env);
    if (settings.source.use) {
      throw new InvalidOptions([
        `GLIMPSE_SOURCE = ${JSON.stringify(settings.source.use)}: nothing is imported into the mirror of a source`,
      ]);
    }
    const input = await openInput(file);
    const progress = new ImportProgress();
    await withDatabase(
      settings,
      async ({ url, pooler }) => {
        const database = openDatabase({ url, pooler, poolSize: 1, queryDeadline: 0 });
        try {
          await requireMigrations(database);
          const bad = await runImport(database.pool, input, force, progress);
          if (bad > 0) process.exitCode = 1;
        } finally {
          await database.close();
        }
      },
      () => `imported until then: ${progress.summary}; the same import again leaves those alone and goes on`,
    );
  });

program
  .command('follow')
  .option('--status', 'print how the mirror stands; exit 3 if no process follows the source', false)
  .option('--json', 'with --status: as a JSON object in one line', false)
  .option(
    '--check',
    'compare all of it with the source, try whether that takes changes from here, print what is wrong, and fail then',
    false,
  )
  .option(
    '--accept-removals',
    'let the next walk also remove missing images that the source does not confirm as gone',
    false,
  )
  .description(
    'follow the source that GLIMPSE_SOURCE names until SIGTERM, SIGINT or SIGHUP; of several, one at a time does',
  )
  .action(async (options: { status: boolean; json: boolean; check: boolean; acceptRemovals: boolean }) => {
    if (options.json && !options.status) throw new InvalidOptions(['--json is allowed with --status only']);
    const settings = loadSettings(process.env);
    const { acceptRemovals, check, follow, printStatus } = await import('./commands/follow.js');
    if (options.status) {
      if (!(await printStatus(settings, options.json))) process.exitCode = NO_FOLLOWER;
      return;
    }
    if (options.acceptRemovals) return acceptRemovals(settings);
    if (options.check) {
      if (!(await check(settings))) process.exitCode = 1;
      return;
    }
    await untilStopped((stop) => follow(settings, stop));
  });

program
  .command('purge')
  .requiredOption('--older-than <age>', 'how long ago an image was deleted, such as 30d, 12h or 0s')
  .description('remove the rows of images that were deleted; lists can then no longer go on after them')
  .action(async ({ olderThan }: { olderThan: string }) => {
    const before = new Date(Date.now() - ageOf(olderThan));
    await withDatabase(
      loadSettings(process.env),
      async ({ url, pooler }) => {
        const database = openDatabase({ url, pooler, poolSize: 1, queryDeadline: 0 });
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

program
  .command('config')
  .option('--check', 'print nothing, but fail where serve would not start with them', false)
  .description('print the settings in effect, with secrets masked')
  .action(async ({ check }: { check: boolean }) => {
    const settings = loadSettings(process.env);
    if (!check) return void process.stdout.write(stringify(maskedSettings(settings)));
    const { checkSettings } = await import('./commands/check-settings.js');
    await checkSettings(settings);
  });

program.addCommand(policyCommand());

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

/** Errors that say in one line all there is to say: ours, and those of the operating system. */
function isPlain(error: unknown): error is Error {
  return (
    error instanceof InvalidOptions ||
    error instanceof PluginError ||
    error instanceof PolicyError ||
    error instanceof ProtectionFileError ||
    error instanceof BadDocument ||
    error instanceof EmbeddedDatabaseError ||
    error instanceof MigrationError ||
    (error as { code?: unknown }).code === 'cannot-listen' ||
    typeof (error as NodeJS.ErrnoException).errno === 'number'
  );
}

/** What a failed command says of it; only a mistake of ours has a stack. */
function textOf(error: unknown): string {
  // By where an error was thrown, and not by a code among its causes: Keystone and Glance refuse connections as well.
  if (error instanceof DatabaseUnavailable) return `${error.message}; DATABASE_URL says where it is`;
  if (error instanceof SourceUnavailable) {
    return `${error.message}; OS_AUTH_URL says where Keystone is, GLIMPSE_GLANCE_URL or Keystone's catalog where Glance is`;
  }
  return isPlain(error) ? error.message : String((error as Error).stack ?? error);
}

try {
  await program.parseAsync();
} catch (error) {
  const text = textOf(error);
  for (const line of text.split('\n')) process.stderr.write(`glimpse: ${printable(line)}\n`);
  process.exitCode = 1;
}
