import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  authenticate,
  byCredential,
  createCredential,
  type Cloud,
  type Person,
} from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { restartGlanceWith } from './harness/glance-process.js';
import { Mirror } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

/** Of `secret_…` only administrators may change anything; members may read it. */
const PROTECTIONS = `
[^secret_]
create = admin
read = admin,member
update = admin
delete = admin

[.*]
create = @
read = @
update = @
delete = @
`;

const CHANGE = { service: 'compute', method: 'PUT', path: '/v2.1/images/*/metadata/*' };

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let restore: () => Promise<void>;
  let mirror: Mirror;
  let owner: GlanceClient;
  let id: string;

  beforeAll(async () => {
    const file = join(dirname(cloud.glanceConfigFile!), 'property-protections.conf');
    writeFileSync(file, PROTECTIONS, { mode: 0o644 });
    restore = await restartGlanceWith(cloud, (settings) =>
      settings.replace('[DEFAULT]', `[DEFAULT]\nproperty_protection_file = ${file}`),
    );
    mirror = await Mirror.start(cloud);
    owner = await GlanceClient.as(cloud, people.demo);
    ({ id } = await owner.createActive({ visibility: 'shared', plain: 'a' }));
    const admin = await GlanceClient.as(cloud, people.admin);
    await admin.set(id, { secret_a: 'of an administrator' });
  }, 120_000);

  afterAll(async () => {
    await mirror?.stop();
    await restore?.();
  }, 60_000);

  const change = async (caller: Reader, method: string, key: string, value = 'mine'): Promise<number> => {
    const body = method === 'DELETE' ? undefined : { meta: { [key]: value } };
    return (await caller.call(method, `/${id}/metadata/${key}`, body)).status;
  };

  it('allows a member the changes that Glance allows a member, and no more', async () => {
    const demo = await Reader.as(cloud, people.demo, mirror.service);
    const before = await owner.show(id);
    expect((await owner.patch(id, [{ op: 'add', path: '/secret_b', value: 'mine' }])).status).toBe(403);
    expect((await owner.patch(id, [{ op: 'replace', path: '/visibility', value: 'public' }])).status).toBe(
      403,
    );

    expect(await change(demo, 'PUT', 'secret_b')).toBe(403);
    expect(await change(demo, 'PUT', 'secret_a')).toBe(403);
    expect(await change(demo, 'DELETE', 'secret_a')).toBe(403);
    expect(await change(demo, 'PUT', 'visibility', 'public')).toBe(400);
    expect(await owner.show(id)).toEqual(before);

    expect(await change(demo, 'PUT', 'plain', 'b')).toBe(200);
    expect(await owner.show(id)).toMatchObject({ plain: 'b', visibility: 'shared' });
  });

  it('refuses with the service user’s token beside the caller’s what it refuses to the caller', async () => {
    const tokenOf = async (person: Person): Promise<string> => (await GlanceClient.as(cloud, person)).token;
    const changesWith = async (service: string): Promise<number[]> => {
      const headers = { 'x-service-token': service };
      const changes = [
        { op: 'add', path: '/secret_b', value: 'mine' },
        { op: 'replace', path: '/visibility', value: 'public' },
      ] as const;
      const responses = changes.map((change) => owner.patch(id, [change], headers));
      return (await Promise.all(responses)).map(({ status }) => status);
    };
    expect(await changesWith(await tokenOf(people['glimpse-service']))).toEqual([403, 403]);
    // The reader's token is never sent beside it, because Glance would give its roles to the caller.
    expect(await changesWith(await tokenOf(people.glimpse))).toEqual([200, 200]);
  });

  it('lets a credential with access rules of the Compute API change an image', async () => {
    const credential = await createCredential(cloud, people.demo, [CHANGE]);
    const token = await authenticate(cloud.authUrl, byCredential(credential));
    const restricted = new Reader(mirror.service, token);
    expect((await owner.call('GET', `/v2/images/${id}`)).status).toBe(200);
    expect((await new GlanceClient(cloud.image, token).call('GET', `/v2/images/${id}`)).status).toBe(401);
    expect(await change(restricted, 'PUT', 'plain', 'by a credential')).toBe(200);
    expect(await owner.show(id)).toMatchObject({ plain: 'by a credential' });
  });
}

describeWithGlance('a change at a Glance with property protections', suite);
