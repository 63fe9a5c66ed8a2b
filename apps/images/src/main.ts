import 'reflect-metadata';
import { createReadStream } from 'node:fs';
import { PluginError, InvalidOptions } from '@glimpse/plugins';
import { isUnavailable, migrate, missingMigrations, openDatabase } from '@glimpse/store';
import { EmbeddedDatabaseError } from '@glimpse/store/embedded';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { loadSettings, maskedSettings } from './config.js';
import { reachDatabase } from './database.js';
import { VERSION } from './version.js';

/** Aborted by the first signal to stop; the second ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort(signal);
    });
  }
  return controller.signal;
}

const program = new Command('glimpse')
  .description(
    'An images service for OpenStack clouds. Settings come from the environment and GLIMPSE_CONFIG.',
  )
  .version(VERSION)
  .showHelpAfterError();

program
  .command('serve')
  .description('run the service until SIGTERM or SIGINT')
  .action(async () => {
    const settings = loadSettings(process.env);
    const { serve } = await import('./serve.js');
    await serve(settings, stopSignal());
  });

program
  .command('migrate')
  .description('bring the database up to date; any number may run at once')
  .action(async () => {
    const { url, leave } = await reachDatabase(loadSettings(process.env), { service: false });
    try {
      const applied = await migrate(url);
      for (const name of applied) console.log(`applied ${name}`);
      if (applied.length === 0) console.log('nothing to do');
    } finally {
      await leave();
    }
  });

program
  .command('import')
  .argument('<file>', 'a file, or - for standard input')
  .option('--force', 'replace images that changed later than the document says', false)
  .description('put Glance v2 image documents into the catalogue')
  .action(async (file: string, { force }: { force: boolean }) => {
    const { runImport } = await import('./import/command.js');
    const settings = loadSettings(process.env);
    const input = file === '-' ? process.stdin : createReadStream(file);
    const { url, leave } = await reachDatabase(settings, { service: false });
    const database = openDatabase({ url, poolSize: 1, queryDeadline: 0 });
    try {
      const missing = await missingMigrations(database.pool);
      if (missing.length > 0) {
        throw new InvalidOptions([`the database lacks ${missing.join(', ')}: run glimpse migrate first`]);
      }
      const bad = await runImport(database.pool, input, force);
      if (bad > 0) process.exitCode = 1;
    } finally {
      await database.close();
      await leave();
    }
  });

program
  .command('config')
  .description('print the settings in effect, with secrets masked')
  .action(() => {
    process.stdout.write(stringify(maskedSettings(loadSettings(process.env))));
  });

/** Errors that say in one line all there is to say. */
function isPlain(error: unknown): error is Error {
  return (
    error instanceof InvalidOptions ||
    error instanceof PluginError ||
    error instanceof EmbeddedDatabaseError ||
    (error as { code?: unknown }).code === 'cannot-listen'
  );
}

try {
  await program.parseAsync();
} catch (error) {
  const text = isPlain(error)
    ? error.message
    : isUnavailable(error)
      ? `the database cannot be asked: ${(error as Error).message || (error as { code?: string }).code}`
      : String((error as Error).stack ?? error);
  for (const line of text.split('\n')) process.stderr.write(`glimpse: ${line}\n`);
  process.exitCode = 1;
}
