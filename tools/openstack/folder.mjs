import { fstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveToRunner, stopAll } from './processes.mjs';

/** An empty folder that belongs to the user that runs everything. @returns undefined for one that is not empty */
export function openFolder(given, name) {
  if (given) mkdirSync(given, { recursive: true });
  const made = realpathSync(given ?? mkdtempSync(join(tmpdir(), `glimpse-${name}-`)));
  if (readdirSync(made).length > 0) {
    console.error(`--folder is ${given}, which is not empty: give one that is, or does not exist`);
    return undefined;
  }
  giveToRunner(made);
  return made;
}

/** Ends everything with this process, which ends on a signal, or with its standard input if that is a pipe. */
export function endWithThis(folder, { keepsFolder }) {
  process.once('exit', () => {
    stopAll();
    if (!keepsFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(0));
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) {
    process.stdin.once('close', () => process.exit(0)).resume();
  }
}
