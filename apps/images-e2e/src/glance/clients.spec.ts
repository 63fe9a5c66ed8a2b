import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newFolder } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { missingClient, openstack, sdk } from '../keystone/harness/python-client.js';
import { describeWithGlance } from './harness/cloud.js';
import { Mirror } from './harness/mirror.js';

/** Python for what the mirror shows within seconds: `until(call)` repeats the call until its result is not empty. */
const UNTIL = `
import time
def until(call):
    for _ in range(300):
        found = call()
        if found:
            return found
        time.sleep(0.2)
def listed(id):
    return [image.name for image in conn.compute.images() if image.id == id]
`;

function suite(cloud: Cloud): void {
  const { demo, alt } = cloud.people;
  let mirror: Mirror;

  beforeAll(async () => {
    mirror = await Mirror.start(cloud, {
      GLIMPSE_PORT: new URL(cloud.compute).port,
      GLIMPSE_SOURCE_ROUND: '1',
    });
    await mirror.isCaughtUp();
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  /** Runs a command to its end, and parses its output. */
  const run = async (env: Readonly<Record<string, string>>, ...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await openstack(env, ...args);
    if (code !== 0) throw new Error(`openstack ${args.join(' ')}: ${stderr}`);
    return stdout === '' ? undefined : JSON.parse(stdout);
  };

  it('openstacksdk uses both: a change through one of them is visible in the other', async () => {
    const lines = `${UNTIL}
image = conn.image.create_image(
    'by sdk', data=b'content', disk_format='raw', container_format='bare', visibility='private',
    wait=True, os_distro='debian')
# It may have been mirrored before its data was complete.
answer = [until(lambda: conn.compute.get_image(image.id).status == 'ACTIVE'), until(lambda: listed(image.id))]
conn.compute.set_image_metadata(image.id, mood='gööd')
answer.append(conn.image.get_image(image.id).properties.get('mood'))
conn.compute.delete_image_metadata(image.id, ['os_distro'])
answer.append(conn.image.get_image(image.id).os_distro)
conn.image.update_image(image.id, name='renamed')
answer.append(until(lambda: 'renamed' in listed(image.id)))
conn.compute.delete_image(image.id, ignore_missing=False)
answer.append(conn.image.find_image(image.id, ignore_missing=True))
answer.append(listed(image.id))`;
    expect(await sdk(demo.env, lines)).toEqual([true, ['by sdk'], 'gööd', null, true, null, []]);
  }, 120_000);

  it('an image that openstackclient uploads and shares is listed for the member that accepts it', async () => {
    const file = join(newFolder(), 'content');
    writeFileSync(file, 'content');
    const { id } = (await run(
      demo.env,
      ...['image', 'create', 'by client', '--file', file, '--disk-format', 'raw', '--shared'],
      ...['--property', 'os_distro=debian', '-f', 'json'],
    )) as { id: string };
    const metadata = `dict(conn.compute.get_image_metadata('${id}').metadata)`;
    expect(await sdk(demo.env, `answer = ${metadata}`)).toMatchObject({ os_distro: 'debian' });
    expect(await sdk(alt.env, `answer = error(lambda: conn.compute.get_image('${id}'))`)).toEqual([
      404,
      'Image not found.',
    ]);

    await run(demo.env, 'image', 'add', 'project', id, alt.projectId, '-f', 'json');
    await run(alt.env, 'image', 'set', '--accept', id);
    expect(await sdk(alt.env, `${UNTIL}answer = until(lambda: listed('${id}'))`)).toEqual(['by client']);
    const refused = `answer = error(lambda: conn.compute.set_image_metadata('${id}', mood='bad'))[0]`;
    expect(await sdk(alt.env, refused)).toBe(403);

    await run(demo.env, 'image', 'set', '--property', 'mood=good', id);
    const mood = `${UNTIL}answer = until(lambda: ${metadata}.get('mood'))`;
    expect(await sdk(alt.env, mood)).toBe('good');

    await run(demo.env, 'image', 'delete', id);
    expect(await sdk(alt.env, `${UNTIL}answer = until(lambda: not listed('${id}'))`)).toBe(true);
  }, 240_000);
}

describeWithGlance('OpenStack’s own clients, with a mirror of a real Glance', suite, missingClient());
