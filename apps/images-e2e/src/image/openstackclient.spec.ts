import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCatalogue } from '../harness/catalogue.js';
import { IDENTITIES, newFolder, startService, tokenOf, type Service } from '../harness/service.js';
import { missingClient, python } from '../keystone/harness/python-client.js';

const MISSING = missingClient();
const test = MISSING === undefined ? it : it.skip;
const WHY_NOT = MISSING === undefined ? '' : ` (skipped: ${MISSING} is not installed)`;

const DEMO = IDENTITIES['demo']!.project_id;
const attributes = {
  status: 'active',
  visibility: 'private',
  owner: DEMO,
  created_at: '2026-01-01T00:00:00Z',
};
const IMAGES = [
  { id: '00000000-0000-4000-8000-000000000001', name: 'one', os_distro: 'debian', tags: ['a'], size: 5 },
  { id: '00000000-0000-4000-8000-000000000002', name: 'two', disk_format: 'qcow2', container_format: 'bare' },
  { id: '00000000-0000-4000-8000-000000000003', name: 'out of sight', os_hidden: true },
].map((image) => ({ ...attributes, ...image }));

let service: Service;
beforeAll(async () => {
  service = await startService(await createCatalogue({ images: IMAGES }), {
    GLIMPSE_PORT: 'off',
    GLIMPSE_IMAGE_PORT: '0',
  });
});
afterAll(() => service.stop());

/** Runs a command without Keystone: it gets the endpoint and a token. */
async function run(identity: string, ...command: string[]): Promise<string> {
  const how = ['--os-auth-type', 'admin_token', '--os-endpoint', `${service.url}/v2`];
  const args = ['-m', 'openstackclient.shell', ...how, '--os-token', tokenOf(identity), ...command];
  const { code, stdout, stderr } = await python(args, {});
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The JSON that the client prints for a command. */
async function openstack<T>(...command: string[]): Promise<T> {
  return JSON.parse(await run('demo', ...command, '-f', 'json')) as T;
}

test(`lists images in Debian's openstackclient${WHY_NOT}`, async () => {
  const images = await openstack<object[]>('image', 'list', '--sort', 'name:desc');
  expect(images).toEqual([
    { ID: IMAGES[1]!.id, Name: 'two', Status: 'active' },
    { ID: IMAGES[0]!.id, Name: 'one', Status: 'active' },
  ]);
}, 60_000);

test(`shows an image by its name in Debian's openstackclient, a hidden one, too${WHY_NOT}`, async () => {
  expect(await openstack('image', 'show', 'one')).toMatchObject({
    id: IMAGES[0]!.id,
    tags: ['a'],
    size: 5,
    properties: { os_distro: 'debian' },
  });
  expect(await openstack('image', 'show', 'out of sight')).toMatchObject({ id: IMAGES[2]!.id });
}, 120_000);

test(`uploads, changes, shares, saves and deletes an image in Debian's openstackclient${WHY_NOT}`, async () => {
  const folder = newFolder();
  const [file, saved] = [join(folder, 'made.raw'), join(folder, 'saved.raw')];
  const bytes = randomBytes(3_000_000);
  writeFileSync(file, bytes);
  const { id } = await openstack<{ id: string }>(
    ...[
      'image',
      'create',
      'made',
      '--file',
      file,
      '--disk-format',
      'raw',
      '--container-format',
      'bare',
      '--shared',
    ],
    ...['--min-disk', '2', '--property', 'os_distro=debian', '--tag', 'a'],
  );
  await run(
    'demo',
    'image',
    'set',
    'made',
    '--name',
    'changed',
    '--property',
    'hw_disk_bus=scsi',
    '--tag',
    'b',
  );
  await run('demo', 'image', 'unset', 'changed', '--property', 'os_distro', '--tag', 'a');
  expect(await openstack('image', 'show', 'changed')).toMatchObject({
    ...{ id, min_disk: 2, status: 'active', size: bytes.length, tags: ['b'] },
    properties: { hw_disk_bus: 'scsi' },
  });
  await run('demo', 'image', 'add', 'project', id, IDENTITIES['alt']!.project_id);
  // Without Keystone the client does not know the project of its token, which it would accept the image for.
  const accepted = await fetch(`${service.url}/v2/images/${id}/members/${IDENTITIES['alt']!.project_id}`, {
    method: 'PUT',
    headers: { 'x-auth-token': tokenOf('alt') },
    body: '{"status": "accepted"}',
  });
  expect(accepted.status).toBe(200);
  expect(await openstack('image', 'member', 'list', id)).toMatchObject([{ Status: 'accepted' }]);
  await run('alt', 'image', 'save', id, '--file', saved);
  expect(readFileSync(saved).equals(bytes)).toBe(true);
  await run('demo', 'image', 'delete', 'changed');
  expect(await openstack<{ ID: string }[]>('image', 'list')).not.toContainEqual(
    expect.objectContaining({ ID: id }),
  );
}, 300_000);
