import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { COMMAND } from './command.js';
import { newFolder } from './service.js';

/**
 * The release after this one: the same package under another version, with one more migration.
 *
 * @returns its `glimpse` command
 */
export function nextRelease(version: string, migration: string): string {
  const folder = newFolder();
  cpSync(dirname(dirname(COMMAND)), folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version }));
  const added = join(folder, 'prisma/migrations/99990101000000_next_release');
  mkdirSync(added);
  writeFileSync(join(added, 'migration.sql'), migration);
  return join(folder, 'bin/glimpse.js');
}
