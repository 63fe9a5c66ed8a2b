import { PolicyError } from '@glimpse/auth';
import { SourceUnavailable } from '@glimpse/domain';
import { BadDocument } from '@glimpse/glance';
import { InvalidOptions } from '@glimpse/options';
import { PluginError } from '@glimpse/plugins';
import { DatabaseUnavailable, MigrationError } from '@glimpse/store';
import { EmbeddedDatabaseError } from '@glimpse/store/embedded';
import { WrongStore } from '../access/data-errors.js';
import { ProtectionFileError } from '../access/protections/errors.js';
import { StoreFault } from './data/store-fault.js';

/** Errors whose message is all a reader needs: ours, and those of the operating system. */
function isPlain(error: unknown): error is Error {
  return (
    error instanceof InvalidOptions ||
    error instanceof PluginError ||
    error instanceof PolicyError ||
    error instanceof ProtectionFileError ||
    error instanceof BadDocument ||
    error instanceof EmbeddedDatabaseError ||
    error instanceof MigrationError ||
    error instanceof WrongStore ||
    error instanceof StoreFault ||
    (error as { code?: unknown }).code === 'cannot-listen' ||
    typeof (error as NodeJS.ErrnoException).errno === 'number'
  );
}

/** The text that a failed command prints; only a defect of this program has a stack. */
export function textOf(error: unknown): string {
  // By where an error was thrown, and not by a code among its causes: Keystone and Glance refuse connections as well.
  if (error instanceof DatabaseUnavailable) return `${error.message}; check DATABASE_URL`;
  if (error instanceof SourceUnavailable) {
    return `${error.message}; check OS_AUTH_URL for Keystone, and GLIMPSE_GLANCE_URL or Keystone's catalog for Glance`;
  }
  return isPlain(error) ? error.message : String((error as Error).stack ?? error);
}
