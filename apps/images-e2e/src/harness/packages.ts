import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { newFolder } from './service.js';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Packs the libraries as they were built; returns the tarballs. */
export function packLibraries(): readonly string[] {
  const folder = join(newFolder(), 'packages');
  execFileSync(process.execPath, [join(ROOT, 'tools/pack.mjs'), folder], { stdio: 'pipe' });
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  return tarballs.map((name) => join(folder, name));
}

/** Installs packages into a folder, as its owner would. */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: folder });
}

/** A folder outside the repository with these packages in it. */
export async function newConsumer(packages: readonly string[]): Promise<string> {
  const folder = newFolder();
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  await install(folder, packages);
  return folder;
}
