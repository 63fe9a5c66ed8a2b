import { cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFolder } from './service.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * The release after this one: the same build under another version, with one more migration. It is a folder of
 * its own, with links to the files that both have.
 *
 * @returns its `glimpse` command
 */
export function nextRelease(version: string, migration: string): string {
  const root = newFolder();
  const modules = join(root, 'node_modules');
  for (const part of ['apps/images', 'libs', 'prisma']) {
    const built = (source: string): boolean => !/\/(?:src|test|contract|out-tsc)$/.test(source);
    cpSync(join(ROOT, part), join(root, part), { recursive: true, verbatimSymlinks: true, filter: built });
  }
  mkdirSync(join(modules, '@glimpse'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@glimpse') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const name of readdirSync(join(root, 'libs'))) {
    symlinkSync(join(root, 'libs', name), join(modules, '@glimpse', name));
  }
  const manifest = join(root, 'apps/images/package.json');
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version }));
  const folder = join(root, 'prisma/migrations/99990101000000_next_release');
  mkdirSync(folder);
  writeFileSync(join(folder, 'migration.sql'), migration);
  return join(root, 'apps/images/bin/glimpse.js');
}
