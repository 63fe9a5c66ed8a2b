import { open } from 'node:fs/promises';
import { printable } from '@glimpse/domain';
import { InvalidOptions } from '@glimpse/options';
import { openDatabase, orUnavailable, type Database } from '@glimpse/store';
import { Command } from 'commander';
import { importCatalogue, type ImportCounts } from '../import/import-catalogue.js';
import { loadSettings } from '../settings/load.js';
import { requireMigrations, withDatabase } from '../startup/database.js';

/** Time between two reports of progress: in place on a terminal, as lines elsewhere. */
const PROGRESS_INTERVAL_MS = { terminal: 100, lines: 5_000 };

function summary({ images, added, changed, unchanged, members, bad }: ImportCounts): string {
  return (
    `${images} images (${added} added, ${changed} changed, ${unchanged} unchanged), ` +
    `${members} members, ${bad} bad`
  );
}

/** The progress of an import. */
class ImportProgress {
  #counts: ImportCounts = { images: 0, added: 0, changed: 0, unchanged: 0, members: 0, bad: 0 };
  #shown = Date.now();

  get summary(): string {
    return summary(this.#counts);
  }

  /** Prints the progress, at most once an interval. */
  update(counts: ImportCounts, output: NodeJS.WriteStream): void {
    this.#counts = counts;
    if (
      Date.now() - this.#shown <
      (output.isTTY ? PROGRESS_INTERVAL_MS.terminal : PROGRESS_INTERVAL_MS.lines)
    )
      return;
    this.#shown = Date.now();
    output.write(output.isTTY ? `\r\x1b[K${this.summary}` : `${this.summary}\n`);
  }
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws {InvalidOptions} it does not exist, is not readable, or is a directory
 */
async function openInput(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return process.stdin;
  try {
    const handle = await open(file);
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    throw new InvalidOptions([`${JSON.stringify(file)} cannot be read: ${(error as Error).message}`]);
  }
  throw new InvalidOptions([`${JSON.stringify(file)} cannot be read: it is a directory`]);
}

/**
 * The `import` command: progress and bad documents go to standard error, the result to standard output.
 *
 * @returns how many documents were bad
 */
async function runImport(
  pool: Database['pool'],
  input: AsyncIterable<Uint8Array>,
  force: boolean,
  progress: ImportProgress,
): Promise<number> {
  const { stderr, stdout } = process;
  const clearLine = stderr.isTTY ? '\r\x1b[K' : '';
  const counts = await importCatalogue(pool, input, {
    force,
    onBad: (message) => stderr.write(`${clearLine}${printable(message)}\n`),
    onProgress: (counts) => progress.update(counts, stderr),
  });
  // PostgreSQL plans lists by statistics, which autovacuum would update only some time after a large import.
  if (counts.added + counts.changed > 0) {
    await orUnavailable(() => pool.query('ANALYZE images, members'));
  }
  stderr.write(clearLine);
  stdout.write(`${summary(counts)}\n`);
  return counts.bad;
}

export const importCommand = new Command('import')
  .argument('<file>', 'a file, or - for standard input')
  .option('--force', 'replace images that changed later than the document', false)
  .description('put Glance v2 image documents into the catalogue')
  .action(async (file: string, { force }: { force: boolean }) => {
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
        const database = openDatabase({ url, pooler, poolSize: 1, queryTimeoutMs: 0 });
        try {
          await requireMigrations(database);
          const bad = await runImport(database.pool, input, force, progress);
          if (bad > 0) process.exitCode = 1;
        } finally {
          await database.close();
        }
      },
      () => `imported until then: ${progress.summary}; run the same import again to continue`,
    );
  });
