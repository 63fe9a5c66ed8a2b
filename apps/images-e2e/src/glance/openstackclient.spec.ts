import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newFolder } from '../harness/service.js';
import type { Cloud, Person } from '../keystone/harness/cloud.js';
import { missingClient, python } from '../keystone/harness/python-client.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { Mirror, withImageApi } from './harness/mirror.js';

const CONTENT = randomBytes(2 ** 20);

/** A user's settings of the client, with another image endpoint than the one of the catalog. */
function cloudOf({ env }: Person, imageUrl: string): object {
  const auth = ['auth_url', 'username', 'password', 'project_name', 'user_domain_id', 'project_domain_id'];
  return {
    auth: Object.fromEntries(auth.map((name) => [name, env[`OS_${name.toUpperCase()}`]])),
    identity_api_version: '3',
    image_endpoint_override: imageUrl,
  };
}

function suite(cloud: Cloud): void {
  const { admin, demo, alt } = cloud.people;
  const folder = newFolder();
  const file = join(folder, 'content');
  let mirror: Mirror;
  /** Clients of Glimpse, and of Glance itself. */
  let here: GlanceClient;
  let there: GlanceClient;

  beforeAll(async () => {
    writeFileSync(file, CONTENT);
    there = await GlanceClient.as(cloud, demo);
    mirror = await Mirror.start(cloud, withImageApi(cloud));
    await until(async () => (await fetch(`${mirror.service.imageUrl}/healthcheck`)).ok, 30_000);
    const clouds = Object.fromEntries(
      [admin, demo, alt].map((person) => [
        person.env['OS_USERNAME']!,
        cloudOf(person, mirror.service.imageUrl),
      ]),
    );
    // JSON is YAML.
    writeFileSync(join(folder, 'clouds.yaml'), JSON.stringify({ clouds }));
    here = new GlanceClient(mirror.service.imageUrl, there.token);
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  /** Runs `openstack image` with Glimpse as the image endpoint, to its end. @returns what it prints */
  const image = async (person: Person, ...args: string[]): Promise<string> => {
    const command = ['/usr/bin/openstack', 'image', ...args];
    const { code, stdout, stderr } = await python(command, { OS_CLOUD: person.env['OS_USERNAME']! }, folder);
    if (code !== 0) throw new Error(`openstack image ${args.join(' ')}: ${stderr}\n${mirror.service.log()}`);
    return stdout;
  };
  const created = async (...args: string[]): Promise<string> => {
    const formats = ['--disk-format', 'raw', '--container-format', 'bare', '-f', 'json'];
    return (JSON.parse(await image(demo, 'create', ...args, ...formats)) as { id: string }).id;
  };

  it('changes images through the pass-through, and each change shows at once', async () => {
    const id = await created('by client', '--file', file, '--shared', '--property', 'os_distro=debian');
    const checksum = createHash('md5').update(CONTENT).digest('hex');
    expect(await here.show(id)).toMatchObject({ status: 'active', checksum, os_distro: 'debian' });

    await image(
      demo,
      'set',
      id,
      '--name',
      'renamed',
      '--property',
      'mood=good',
      '--tag',
      'one',
      '--tag',
      'two',
    );
    const renamed = await here.show(id);
    expect(renamed).toMatchObject({ name: 'renamed', mood: 'good' });
    expect((renamed['tags'] as string[]).toSorted()).toEqual(['one', 'two']);
    await image(demo, 'unset', id, '--property', 'os_distro', '--tag', 'one');
    expect(await here.show(id)).not.toHaveProperty('os_distro');
    expect(await here.show(id)).toMatchObject({ tags: ['two'] });

    await image(demo, 'add', 'project', id, alt.projectId);
    await image(alt, 'set', id, '--accept');
    expect(await here.members(id)).toMatchObject([{ member_id: alt.projectId, status: 'accepted' }]);

    // The client compares the data with the checksum of the image.
    const saved = join(folder, 'saved');
    await image(alt, 'save', id, '--file', saved);
    expect(readFileSync(saved).equals(CONTENT)).toBe(true);

    await image(admin, 'set', id, '--deactivate');
    expect(await here.show(id)).toMatchObject({ status: 'deactivated' });
    expect(await there.show(id)).toMatchObject({ status: 'deactivated', name: 'renamed', tags: ['two'] });

    await image(demo, 'delete', id);
    for (const client of [here, there]) {
      expect(await client.call('GET', `/v2/images/${id}`)).toMatchObject({ status: 404 });
    }
  }, 120_000);

  it('stages and imports a file', async () => {
    const id = await created('imported', '--file', file, '--import');
    await until(async () => (await here.show(id)).status === 'active', 30_000);
    await here.delete(id);
  }, 120_000);
}

describeWithGlance('openstackclient, with a mirror in front of a real Glance', suite, missingClient());
