import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Service } from '../harness/service.js';
import { createCredential, describeWithKeystone, type Cloud } from './harness/cloud.js';
import { IMAGES, createImages, startGlimpse } from './harness/glimpse.js';
import { RecordedOutput } from './harness/recorded-output.js';
import { missingClient, openstack, sdk } from './harness/python-client.js';

function suite(cloud: Cloud): void {
  const { demo, reader, alt, admin, glimpse } = cloud.people;
  const output = new RecordedOutput();
  let service: Service;

  beforeAll(async () => {
    for (const { env } of Object.values(cloud.people)) output.addSecrets(env['OS_PASSWORD']!);
    const { port } = new URL(cloud.compute);
    service = await startGlimpse(await createImages(cloud), glimpse.env, { GLIMPSE_PORT: port });
  });

  afterAll(() => service.stop());

  describe('openstacksdk', () => {
    it('finds the service in the catalog, and lists the images of its user', async () => {
      const lines = 'answer = sorted(image.name for image in conn.compute.images())';
      expect(await sdk(demo.env, lines)).toEqual(['demo', 'public']);
      expect(await sdk(alt.env, lines)).toEqual(['alt', 'public']);
      expect(await sdk(admin.env, lines)).toEqual(['alt', 'demo', 'public']);
    });

    it('lists page by page', async () => {
      const lines = 'answer = sorted(image.name for image in conn.compute.images(limit=1))';
      expect(await sdk(admin.env, lines)).toEqual(['alt', 'demo', 'public']);
    });

    it('finds an image by id and by name, and nothing where it is missing', async () => {
      const lines = `
found = [conn.compute.find_image(each) for each in ('${IMAGES.demo}', 'demo', '${IMAGES.alt}', 'nothing')]
answer = [image and [image.id, image.name] for image in found]`;
      const image = [IMAGES.demo, 'demo'];
      expect(await sdk(demo.env, lines)).toEqual([image, image, null, null]);
    });

    it('reads, sets and deletes metadata', async () => {
      const lines = `
image = conn.compute.find_image('demo')
def metadata():
    return dict(conn.compute.get_image_metadata(image).metadata)
answer = [metadata()]
conn.compute.set_image_metadata(image, os_distro='debian', mood='ünï')
answer.append(metadata())
conn.compute.delete_image_metadata(image, ['architecture', 'mood'])
answer.append(metadata())`;
      expect(await sdk(demo.env, lines)).toEqual([
        { architecture: 'x86_64' },
        { architecture: 'x86_64', os_distro: 'debian', mood: 'ünï' },
        { os_distro: 'debian' },
      ]);
    });

    it('gets a message with the reason of a refusal', async () => {
      const lines = `
answer = [
    error(lambda: conn.compute.set_image_metadata('${IMAGES.demo}', mood='no')),
    error(lambda: conn.compute.delete_image('${IMAGES.public}', ignore_missing=False)),
    error(lambda: conn.compute.get_image('${IMAGES.alt}')),
]`;
      expect(await sdk(reader.env, lines)).toEqual([
        [403, "Policy doesn't allow modify_image to be performed."],
        [403, 'You are not allowed to delete the image.'],
        [404, 'Image not found.'],
      ]);
    });

    it('may do with a restricted application credential what its rules allow', async () => {
      const rule = { service: 'compute', method: 'GET', path: '/v2.1/images/detail' };
      const { id, secret } = await createCredential(cloud, demo, [rule]);
      output.addSecrets(secret);
      const { OS_AUTH_URL = '' } = demo.env;
      const env = {
        OS_AUTH_URL,
        OS_AUTH_TYPE: 'v3applicationcredential',
        OS_APPLICATION_CREDENTIAL_ID: id,
        OS_APPLICATION_CREDENTIAL_SECRET: secret,
      };
      const lines = `
answer = [
    sorted(image.name for image in conn.compute.images()),
    error(lambda: conn.compute.get_image('${IMAGES.demo}'))[0],
    error(lambda: conn.compute.delete_image('${IMAGES.demo}'))[0],
]`;
      expect(await sdk(env, lines)).toEqual([['demo', 'public'], 401, 401]);
    });

    it('deletes an image', async () => {
      const lines = `
conn.compute.delete_image('${IMAGES.alt}', ignore_missing=False)
answer = [conn.compute.find_image('alt'), [image.name for image in conn.compute.images()]]`;
      expect(await sdk(alt.env, lines)).toEqual([null, ['public']]);
    });
  });

  describe('openstackclient', () => {
    it('gets a token that the service accepts', async () => {
      const { code, stdout } = await openstack(demo.env, 'token', 'issue', '-f', 'json');
      expect(code).toBe(0);
      const { id, project_id } = JSON.parse(stdout) as { id: string; project_id: string };
      expect(project_id).toBe(demo.projectId);
      const response = await fetch(`${service.url}/v2.1/images`, { headers: { 'x-auth-token': id } });
      expect(response.status).toBe(200);
    });

    it('shows the service in the catalog, and its versions', async () => {
      const catalog = await openstack(demo.env, 'catalog', 'list', '-f', 'json');
      const services = JSON.parse(catalog.stdout) as { Type: string; Endpoints: { url: string }[] }[];
      expect(services.find(({ Type }) => Type === 'compute')?.Endpoints).toMatchObject([
        { url: `${service.url}/v2.1` },
      ]);
      const versions = await openstack(demo.env, 'versions', 'show', '--service', 'compute', '-f', 'json');
      expect(JSON.parse(versions.stdout)).toEqual(
        expect.arrayContaining([expect.objectContaining({ Version: '2.1', Status: 'CURRENT' })]),
      );
    });

    it.each([
      ['image list', 'does not have any supported versions'],
      ['limits show --absolute', 'The resource could not be found. (HTTP 404)'],
    ])('fails in one line, not in a traceback, for a missing image: %s', async (command, message) => {
      const { code, stdout, stderr } = await openstack(demo.env, ...command.split(' '));
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr.trim().split('\n').at(-1)).toContain(message);
      expect(stderr).not.toContain('Traceback');
    });
  });

  it('leave no token and no password in the output of the service', async () => {
    await service.stop();
    output.record(service.log(), service.stdout());
    expect(output.length).toBeGreaterThan(5_000);
    expect(output.leaks()).toEqual([]);
  });
}

describeWithKeystone('OpenStack’s own clients, with a real Keystone', suite, missingClient());
