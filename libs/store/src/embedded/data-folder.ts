import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EmbeddedDatabaseError } from './errors.js';

/**
 * Makes the data folder where it is missing.
 *
 * @returns its absolute path
 * @throws {EmbeddedDatabaseError} it cannot be made, or not be written to
 */
export function makeDataFolder(folder: string): string {
  const path = resolve(folder);
  let failed = 'cannot be made';
  try {
    makeFolder(path);
    failed = 'cannot be written to';
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new EmbeddedDatabaseError(
      `GLIMPSE_DATA_DIR = ${JSON.stringify(folder)}: the folder ${path} ${failed} (${code ?? message}); ` +
        'mend that, or choose another folder with GLIMPSE_DATA_DIR',
      { cause: error },
    );
  }
  return path;
}

/** Not the recursive form of `mkdir`, which never ends where a parent exists and accepts no folders, such as `/proc`. */
function makeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (!found) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    // Another process may make it in the same moment.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
