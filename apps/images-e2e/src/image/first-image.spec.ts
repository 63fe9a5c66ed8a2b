import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const page = readFileSync(new URL('../../../../docs/first-image.md', import.meta.url), 'utf8');

/** The commands of the page, in its order: whole blocks of them, and the lines for curl between their output. */
const commands = [...page.matchAll(/^```(sh|console)\n(.*?)^```/gms)].map(([, kind, text]) =>
  kind === 'sh' ? text! : [...text!.matchAll(/^\$ (curl .*)$/gm)].map(([, line]) => line).join('\n'),
);

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const test = hasCurl ? it : it.skip;

let service: Service;
beforeAll(async () => {
  service = await startBareService({
    ...{ DATABASE_URL: databaseUrl(await createDatabase('migrated')), GLIMPSE_DATA_DIR: newFolder() },
    ...{ GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
  });
  await until(() => service.stdout().includes('partner'));
}, 60_000);
afterAll(() => service.stop());

test(`the page of a first image has commands that work${hasCurl ? '' : ' (skipped: curl is not installed)'}`, () => {
  const tokenOf = (user: string): string => new RegExp(`^ +${user} +(\\S+)`, 'm').exec(service.stdout())![1]!;
  const folder = newFolder();
  // Where qemu-img is not installed, any other data will do.
  const anyDisk = 'command -v qemu-img >/dev/null || qemu-img() { head -c 200000 /dev/zero >disk.qcow2; }';
  const script = [anyDisk, ...commands]
    .join('\n')
    .replace('TOKEN=… PARTNER=…', `TOKEN=${tokenOf('demo')} PARTNER=${tokenOf('partner')}`)
    .replaceAll('http://127.0.0.1:9292', service.imageUrl);
  const output = execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
    ...{ cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  });
  expect(output.match(/204 No Content/g)).toHaveLength(3);
  expect(output).toContain('"status":"pending"');
  expect(output).toContain('"status":"accepted"');
  expect(output).toMatch(/[0-9a-f]{32} {2}copy\.qcow2$/m);
  expect(readdirSync(folder).sort()).toEqual(['copy.qcow2', 'disk.qcow2']);
});
