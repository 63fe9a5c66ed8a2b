import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { databaseUrl } from '../harness/databases.js';
import { sendRaw, type RawResponse } from '../harness/raw-http.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const PROJECT = '66c50f42ace742efaaf201e7ba0fe751';

/** The code blocks of docs/page-example.md. */
const page = readFileSync(new URL('../../../../docs/page-example.md', import.meta.url), 'utf8');
const [image, settings, environment, request, response] = [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map(
  ([, block]) => block!,
);

/** The path in the page's curl line. */
const path = / "http:\/\/127\.0\.0\.1:8774(\S+)"$/m.exec(request!)![1]!.replace('$PROJECT', PROJECT);

/** The example of the API reference, which is what the page must show. */
const EXAMPLE = {
  image: {
    'OS-EXT-IMG-SIZE:size': '74185822',
    created: '2011-01-01T01:02:03Z',
    id: '70a599e0-31e7-49b7-b260-868f441e862b',
    links: [
      {
        href: 'http://openstack.example.com/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b',
        rel: 'self',
      },
      {
        href: 'http://openstack.example.com/images/70a599e0-31e7-49b7-b260-868f441e862b',
        rel: 'bookmark',
      },
      {
        href: 'http://glance.openstack.example.com/images/70a599e0-31e7-49b7-b260-868f441e862b',
        rel: 'alternate',
        type: 'application/vnd.openstack.image',
      },
    ],
    metadata: {
      architecture: 'x86_64',
      auto_disk_config: 'True',
      kernel_id: 'nokernel',
      ramdisk_id: 'nokernel',
    },
    minDisk: 0,
    minRam: 0,
    name: 'fakeimage7',
    progress: 100,
    status: 'ACTIVE',
    updated: '2011-01-01T01:02:03Z',
  },
};

describe("the API reference's example", () => {
  let service: Service;
  beforeAll(async () => {
    const database = await createCatalogue(JSON.parse(image!) as object);
    const file = join(newFolder(), 'glimpse.yaml');
    writeFileSync(file, settings!);
    const exported = [...environment!.matchAll(/^export (\w+)=(.+)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    service = await startBareService({
      DATABASE_URL: databaseUrl(database),
      ...settingsOf({ someone: { project_id: PROJECT, roles: ['reader'] } }),
      ...(Object.fromEntries(exported) as Record<string, string>),
      GLIMPSE_CONFIG: file,
    });
    await until(async () => (await sendRaw(service.url, { target: '/readyz' })).status === 200);
  });
  afterAll(() => service.stop());

  const get = (target: string): Promise<RawResponse> =>
    sendRaw(service.url, { target, headers: { 'x-auth-token': 'someone' } });

  it('is what the page shows, with the path as the reference writes it', () => {
    expect(JSON.parse(response!)).toEqual(EXAMPLE);
    expect(path).toBe(`//v2.1/${PROJECT}/images/${EXAMPLE.image.id}`);
  });

  it('is served value for value', async () => {
    const { status, headers, text } = await get(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(text)).toEqual(EXAMPLE);
  });

  it('is in the detailed list as it is by id', async () => {
    const { text } = await get(`//v2.1/${PROJECT}/images/detail`);
    expect(JSON.parse(text)).toEqual({ images: [EXAMPLE.image] });
  });
});
