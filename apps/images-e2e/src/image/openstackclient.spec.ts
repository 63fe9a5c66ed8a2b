import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCatalogue } from '../harness/catalogue.js';
import { IDENTITIES, startService, tokenOf, type Service } from '../harness/service.js';
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

/** The JSON that the client prints for a command, without Keystone: it gets the endpoint and a token. */
async function openstack<T>(...command: string[]): Promise<T> {
  const how = ['--os-auth-type', 'admin_token', '--os-endpoint', `${service.url}/v2`];
  const args = [
    '-m',
    'openstackclient.shell',
    ...how,
    '--os-token',
    tokenOf('demo'),
    ...command,
    '-f',
    'json',
  ];
  const { code, stdout, stderr } = await python(args, {});
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
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
