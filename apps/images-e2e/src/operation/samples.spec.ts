import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';
const ACCEPTED = 'appliance-2.7';
const PENDING = 'appliance-3.0-rc1';

const folder = newFolder();
let service: Service;
let tokens: Record<string, string>;
beforeAll(async () => {
  service = await startBareService({ GLIMPSE_DATA_DIR: folder, TZ: 'Asia/Kolkata' });
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
  const lines = [...service.stdout().matchAll(/^ {2}(\w+) +(\S+) {3}project /gm)];
  tokens = Object.fromEntries(lines.map(([, user, token]) => [user!, token!]));
}, 60_000);
afterAll(() => service.stop(), 60_000);

interface Image {
  readonly id: string;
  readonly name: string | null;
}

async function get<T>(user: string, path: string): Promise<T> {
  const response = await fetch(service.url + path, { headers: { 'x-auth-token': tokens[user]! } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function namesFor(user: string): Promise<(string | null)[]> {
  const { images } = await get<{ images: Image[] }>(user, '/v2.1/images');
  return images.map(({ name }) => name);
}

describe('the sample images', () => {
  it('include that of the reference’s page, as public, with its times in UTC', async () => {
    for (const user of ['demo', 'reader', 'partner', 'admin']) {
      const { image } = await get<{ image: Image }>(user, `/v2.1/images/${PAGE_IMAGE}`);
      expect(image).toMatchObject({
        name: 'fakeimage7',
        status: 'ACTIVE',
        created: '2011-01-01T01:02:03Z',
        'OS-EXT-IMG-SIZE:size': 74185822,
        metadata: {
          architecture: 'x86_64',
          auto_disk_config: 'True',
          kernel_id: 'nokernel',
          ramdisk_id: 'nokernel',
        },
      });
      expect(await namesFor(user)).toContain('fakeimage7');
    }
  });

  it('include one shared with demo and accepted, and one that is pending, which only its id finds', async () => {
    const { images } = await get<{ images: Image[] }>('partner', '/v2.1/images');
    const idOf = (name: string): string => images.find((image) => image.name === name)!.id;
    expect(await namesFor('demo')).toContain(ACCEPTED);
    expect(await namesFor('demo')).not.toContain(PENDING);
    for (const name of [ACCEPTED, PENDING]) {
      const { image } = await get<{ image: Image }>('demo', `/v2.1/images/${idOf(name)}`);
      expect(image.name).toBe(name);
    }
  });

  it('include private ones, each for its project and the administrator', async () => {
    expect(await namesFor('demo')).toContain('golden-base');
    expect(await namesFor('demo')).not.toContain('partner-internal');
    expect(await namesFor('partner')).toContain('partner-internal');
    expect(await namesFor('partner')).not.toContain('golden-base');
    expect(await namesFor('admin')).toEqual(
      expect.arrayContaining(['golden-base', 'partner-internal', null]),
    );
  });
});

describe('the development tokens', () => {
  it('are in a file that only its owner reads', () => {
    const file = join(folder, 'identities.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object)).toEqual(Object.values(tokens));
  });

  it.each([
    ['half of one', '{"secret-token": {"user_id"', /is not JSON: repair it, or remove it to get new tokens$/],
    ['another document', '{"secret-token": {"user_id": "u"}}', /^glimpse: identity 1: user_name is missing/],
  ])('stop the start in plain lines without a token where the file holds %s', async (_, text, line) => {
    const broken = newFolder();
    writeFileSync(join(broken, 'identities.json'), text);
    const { code, stdout, stderr } = await glimpse(['serve'], {
      GLIMPSE_DATA_DIR: broken,
      GLIMPSE_PORT: '0',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')[0]).toMatch(line);
    expect(stderr).not.toMatch(/secret-token|^ *at /m);
  });
});
