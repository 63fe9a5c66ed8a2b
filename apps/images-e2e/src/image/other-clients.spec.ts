import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { IDENTITIES, newFolder, startService, tokenOf, type Service } from '../harness/service.js';
import { runClient } from '../keystone/harness/python-client.js';

/** Where Debian keeps the sources of Go's packages. */
const GO_PATH = '/usr/share/gocode';

const ALT = IDENTITIES['alt']!.project_id;
const BYTES = randomBytes(3_000_000);
const MD5 = createHash('md5').update(BYTES).digest('hex');

/** The test of a client, or its skip with the reason. */
function testWith(isInstalled: boolean, packages: string): [typeof it | typeof it.skip, string] {
  return isInstalled ? [it, ''] : [it.skip, ` (skipped: ${packages} is not installed)`];
}

/** Runs a client; returns what it printed as JSON. */
async function run(
  command: readonly [string, ...string[]],
  program: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const file = fileURLToPath(new URL(`clients/${program}`, import.meta.url));
  const { code, stdout, stderr } = await runClient(
    [...command, file],
    {
      ...{ IMAGE: join(folder, 'image.raw'), ...environment },
      ...{ IMAGE_URL: service!.imageUrl, COMPUTE_URL: `${service!.url}/v2.1` },
      ...{ DEMO: tokenOf('demo'), ALT: tokenOf('alt'), ALT_PROJECT: ALT },
    },
    folder,
  );
  if (code !== 0) throw new Error(`${stderr}\n${service!.log()}`);
  return JSON.parse(stdout) as unknown;
}

const HAS_GOPHERCLOUD =
  existsSync('/usr/bin/go') && existsSync(`${GO_PATH}/src/github.com/gophercloud/gophercloud`);
const HAS_FOG =
  existsSync('/usr/bin/ruby') && spawnSync('/usr/bin/ruby', ['-e', "require 'fog/openstack'"]).status === 0;

let service: Service | undefined;
let folder: string;
beforeAll(async () => {
  if (!HAS_GOPHERCLOUD && !HAS_FOG) return;
  folder = newFolder();
  writeFileSync(join(folder, 'image.raw'), BYTES);
  service = await startService(await createDatabase('migrated'), { GLIMPSE_IMAGE_PORT: '0' });
});
afterAll(() => service?.stop());

const [withGophercloud, noGophercloud] = testWith(
  HAS_GOPHERCLOUD,
  'golang-go or golang-github-gophercloud-gophercloud-dev',
);
withGophercloud(
  `creates, uploads, stages, shares, downloads and deletes images in gophercloud${noGophercloud}`,
  async () => {
    const go = { GO111MODULE: 'off', GOPATH: GO_PATH, GOCACHE: join(folder, 'go-cache') };
    expect(await run(['/usr/bin/go', 'run'], 'gophercloud.go', go)).toEqual({
      ...{ name: 'changed', status: 'active', tags: ['three', 'two'], minDisk: 2, bus: 'scsi', distro: null },
      ...{ size: BYTES.length, checksum: MD5, member: [ALT, 'accepted'], compute: ['changed', 'ACTIVE'] },
      ...{ demo: ['changed', 'staged'], alt: ['changed'], missing: true, left: [] },
    });
  },
  300_000,
);

const [withFog, noFog] = testWith(HAS_FOG, 'ruby-fog-openstack');
withFog(
  `creates, uploads, shares, downloads and deletes an image in fog-openstack${noFog}`,
  async () => {
    expect(await run(['/usr/bin/ruby', '-W0'], 'fog.rb')).toEqual({
      ...{ name: 'changed', status: 'active', distro: 'fedora', minDisk: 2, tags: ['one'], checksum: MD5 },
      ...{ member: [[ALT, 'accepted']], alt: ['changed'], byName: true },
      ...{ compute: [['changed', 'ACTIVE']], byCompute: 'changed', missing: true, left: [] },
    });
  },
  120_000,
);
