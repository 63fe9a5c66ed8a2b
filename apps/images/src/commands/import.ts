import { open } from 'node:fs/promises';
import { printable } from '@glimpse/domain';
import { InvalidOptions } from '@glimpse/options';
import { orUnavailable, type Database } from '@glimpse/store';
import { importCatalogue, type ImportCounts } from '../import/import-catalogue.js';

/** How often progress is told: on a terminal in place, elsewhere as lines, in milliseconds. */
const INTERVAL = { terminal: 100, lines: 5_000 };

function summary({ images, added, changed, unchanged, members, bad }: ImportCounts): string {
  return (
    `${images} images (${added} added, ${changed} changed, ${unchanged} unchanged), ` +
    `${members} members, ${bad} bad`
  );
}

/** How far an import is. */
export class ImportProgress {
  #counts: ImportCounts = { images: 0, added: 0, changed: 0, unchanged: 0, members: 0, bad: 0 };
  #shown = Date.now();

  get summary(): string {
    return summary(this.#counts);
  }

  /** Shows it, at most so often. */
  update(counts: ImportCounts, output: NodeJS.WriteStream): void {
    this.#counts = counts;
    if (Date.now() - this.#shown < (output.isTTY ? INTERVAL.terminal : INTERVAL.lines)) return;
    this.#shown = Date.now();
    output.write(output.isTTY ? `\r\x1b[K${this.summary}` : `${this.summary}\n`);
  }
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws {InvalidOptions} it is not there, not to be read, or a directory
 */
export async function openInput(file: string): Promise<AsyncIterable<Uint8Array>> {
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
export async function runImport(
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
  // Lists are planned by statistics, which PostgreSQL would gather only some time after so many rows came.
  if (counts.added + counts.changed > 0) {
    await orUnavailable(() => pool.query('ANALYZE images, members'));
  }
  stderr.write(clearLine);
  stdout.write(`${summary(counts)}\n`);
  return counts.bad;
}
