import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { IDENTITIES, newFolder, startService, tokenOf, type Service } from '../harness/service.js';
import { missingClient, python } from '../keystone/harness/python-client.js';

const MISSING = missingClient();
const test = MISSING === undefined ? it : it.skip;
const WHY_NOT = MISSING === undefined ? '' : ` (skipped: ${MISSING} is not installed)`;

const ALT = IDENTITIES['alt']!.project_id;
const BYTES = randomBytes(3_000_000);

let service: Service;
let folder: string;
beforeAll(async () => {
  folder = newFolder();
  writeFileSync(join(folder, 'image.raw'), BYTES);
  service = await startService(await createDatabase('migrated'), {
    GLIMPSE_PORT: 'off',
    GLIMPSE_IMAGE_PORT: '0',
  });
});
afterAll(() => service.stop());

/** Runs lines of Python; returns the value of `answer` after them. */
async function run(lines: string): Promise<unknown> {
  const { code, stdout, stderr } = await python(['-c', `import json\n${lines}\nprint(json.dumps(answer))`], {
    ...{ ENDPOINT: `${service.imageUrl}/v2`, IMAGE: join(folder, 'image.raw'), SAVED: join(folder, 'saved') },
    ...{ DEMO: tokenOf('demo'), ALT: tokenOf('alt'), ALT_PROJECT: ALT },
  });
  if (code !== 0) throw new Error(`${stderr}\n${service.log()}`);
  return JSON.parse(stdout) as unknown;
}

test(`creates, uploads, shares, downloads and deletes an image in Debian's openstacksdk${WHY_NOT}`, async () => {
  const answer = await run(`
import os, openstack
def connect(token):
    auth = {'endpoint': os.environ['ENDPOINT'], 'token': token}
    return openstack.connect(auth_type='admin_token', auth=auth, load_yaml_config=False)
demo, alt = connect(os.environ['DEMO']), connect(os.environ['ALT'])
image = demo.create_image('made', filename=os.environ['IMAGE'], disk_format='raw', container_format='bare',
                          visibility='shared', os_distro='debian', wait=True, timeout=30)
image = demo.image.update_image(image, name='changed', min_disk=2, hw_disk_bus='scsi')
demo.image.add_tag(image, 'a')
demo.image.add_member(image, member_id=os.environ['ALT_PROJECT'])
alt.image.update_member(os.environ['ALT_PROJECT'], image.id, status='accepted')
seen = [each.name for each in alt.image.images()]
alt.download_image(image.id, output_path=os.environ['SAVED'])
shown = demo.image.get_image(image.id)
demo.image.deactivate_image(image)
demo.image.reactivate_image(image)
members = [[each.member_id, each.status] for each in demo.image.members(image)]
demo.image.remove_member(os.environ['ALT_PROJECT'], image=image.id)
demo.delete_image(image.id)
answer = {'status': shown.status, 'name': shown.name, 'size': shown.size, 'tags': shown.tags,
          'min_disk': shown.min_disk, 'bus': shown.hw_disk_bus, 'seen': seen, 'members': members,
          'left': [each.name for each in demo.image.images()]}
`);
  expect(answer).toEqual({
    ...{ status: 'active', name: 'changed', size: BYTES.length, tags: ['a'], min_disk: 2, bus: 'scsi' },
    ...{ seen: ['changed'], members: [[ALT, 'accepted']], left: [] },
  });
  expect(readFileSync(join(folder, 'saved')).equals(BYTES)).toBe(true);
}, 180_000);

test(`creates, uploads, stages, shares, downloads and deletes images in Debian's glanceclient${WHY_NOT}`, async () => {
  const answer = await run(`
import os, glanceclient
def connect(token):
    return glanceclient.Client('2', endpoint=os.environ['ENDPOINT'], token=token)
demo, alt = connect(os.environ['DEMO']), connect(os.environ['ALT'])
formats = {'disk_format': 'raw', 'container_format': 'bare'}
image = demo.images.create(name='made', visibility='shared', os_distro='debian', **formats)
demo.images.upload(image.id, open(os.environ['IMAGE'], 'rb'))
demo.images.update(image.id, remove_props=['os_distro'], name='changed', min_disk=2, hw_disk_bus='scsi')
demo.image_tags.update(image.id, 'a')
demo.image_members.create(image.id, os.environ['ALT_PROJECT'])
alt.image_members.update(image.id, os.environ['ALT_PROJECT'], 'accepted')
seen = [each.name for each in alt.images.list()]
data = alt.images.data(image.id)
with open(os.environ['SAVED'], 'wb') as file:
    for chunk in data:
        file.write(chunk)
shown = demo.images.get(image.id)
members = [[each.member_id, each.status] for each in demo.image_members.list(image.id)]
demo.image_members.delete(image.id, os.environ['ALT_PROJECT'])
demo.images.delete(image.id)
staged = demo.images.create(name='staged', **formats)
demo.images.stage(staged.id, open(os.environ['IMAGE'], 'rb'))
waiting = demo.images.get(staged.id).status
demo.images.image_import(staged.id, 'glance-direct')
imported = demo.images.get(staged.id)
demo.images.delete(staged.id)
answer = {'status': shown.status, 'name': shown.name, 'size': shown.size, 'tags': shown.tags,
          'min_disk': shown.min_disk, 'bus': shown.hw_disk_bus, 'distro': shown.get('os_distro'),
          'seen': seen, 'members': members, 'staged': [waiting, imported.status, imported.size],
          'left': [each.name for each in demo.images.list()]}
`);
  expect(answer).toEqual({
    ...{ status: 'active', name: 'changed', size: BYTES.length, tags: ['a'], min_disk: 2, bus: 'scsi' },
    ...{ distro: null, seen: ['changed'], members: [[ALT, 'accepted']], left: [] },
    staged: ['uploading', 'active', BYTES.length],
  });
  expect(readFileSync(join(folder, 'saved')).equals(BYTES)).toBe(true);
}, 180_000);
