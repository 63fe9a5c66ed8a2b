import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { newFolder, startService, type Service } from '../harness/service.js';

const PROJECT = 'a'.repeat(32);
const PEOPLE: Record<string, Person> = {
  admin: { project_id: 'b'.repeat(32), roles: ['admin'] },
  member: { project_id: PROJECT, roles: ['member'] },
  nova: { project_id: 'c'.repeat(32), roles: ['service', 'auditor'] },
};
const ROLES: Record<string, string> = { '^x_secret': 'admin', '^x_audit': 'admin,auditor', '.*': '@' };
const PROTECTIONS = Object.entries(ROLES)
  .map(([pattern, read]) => `[${pattern}]\ncreate = admin\nread = ${read}\nupdate = admin\ndelete = admin\n`)
  .join('\n');

const image = (n: number, more: object): object => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  name: `image ${n}`,
  status: 'active',
  visibility: 'private',
  owner: PROJECT,
  created_at: `2026-01-0${n}T00:00:00Z`,
  ...more,
});
const SECRETS = { x_secret: 's', x_audit: 'a', open: 'o' };
const IMAGES = [
  image(1, SECRETS),
  image(2, { ...SECRETS, os_hidden: true }),
  image(3, { open: 'o', tags: ['t'] }),
];

let service: Service;
beforeAll(async () => {
  const file = join(newFolder(), 'property-protections.conf');
  writeFileSync(file, PROTECTIONS);
  service = await startService(await createCatalogue({ images: IMAGES }), {
    ...settingsOf(PEOPLE),
    GLIMPSE_IMAGE_PORT: '0',
    GLIMPSE_PROPERTY_PROTECTIONS_FILE: file,
  });
}, 60_000);
afterAll(() => service.stop());

/** The numbers of the listed images, and the names of their protected properties. */
async function list(person: string, query: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${service.imageUrl}/v2/images?${query}`, {
    headers: { 'x-auth-token': person, ...headers },
  });
  expect(response.status).toBe(200);
  const { images } = (await response.json()) as { images: Record<string, string>[] };
  const shown = new Set(images.flatMap((each) => Object.keys(each).filter((name) => name.startsWith('x_'))));
  return { images: images.map(({ name }) => Number(name!.slice(6))), shown: [...shown].sort() };
}

describe('a list of the Image API, where properties are protected,', () => {
  it.each([
    ['x_secret=s', [1]],
    ['x_secret=s&open=o', [1]],
    ['x_secret=s&os_hidden=true', [2]],
    ['x_secret=s&sort=name:asc', [1]],
    ['x_secret=s&visibility=private&tag=t', []],
    ['x_audit=a', [1]],
  ] as const)('by %s finds images for a caller that may read the property only', async (query, found) => {
    expect((await list('admin', query)).images).toEqual(found);
    expect((await list('member', query)).images).toEqual([]);
  });

  it('counts the roles of a service that sends the request for its user', async () => {
    const withService = { 'x-service-token': 'nova' };
    expect(await list('member', 'x_audit=a', withService)).toEqual({ images: [1], shown: ['x_audit'] });
    expect((await list('member', 'x_secret=s', withService)).images).toEqual([]);
  });

  it('finds images by readable properties, and hides the others in their documents', async () => {
    expect(await list('member', 'open=o')).toEqual({ images: [3, 1], shown: [] });
    expect(await list('admin', 'open=o')).toEqual({ images: [3, 1], shown: ['x_audit', 'x_secret'] });
  });
});

describe('a change by the Image API, where properties are protected,', () => {
  const id = '00000000-0000-4000-8000-000000000001';

  const send = (person: string, method: string, path: string, body: unknown) =>
    fetch(`${service.imageUrl}/v2/images${path}`, {
      method,
      headers: {
        'x-auth-token': person,
        'content-type': 'application/openstack-images-v2.1-json-patch',
      },
      body: JSON.stringify(body),
    });
  const patch = (person: string, ...operations: object[]) => send(person, 'PATCH', `/${id}`, operations);
  const show = async (person: string): Promise<object> => {
    const response = await fetch(`${service.imageUrl}/v2/images/${id}`, {
      headers: { 'x-auth-token': person, 'cache-control': 'no-cache' },
    });
    return (await response.json()) as object;
  };

  it('keeps the properties that the caller does not read, and does not show them', async () => {
    const response = await patch('member', { op: 'replace', path: '/min_ram', value: 5 });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(await show('member'));
    expect(await show('member')).not.toHaveProperty('x_secret');
    expect(await show('admin')).toMatchObject({ ...SECRETS, min_ram: 5 });
  });

  it.each([
    ['that exists unseen, as if it created it', { op: 'add', path: '/x_secret', value: 'new' }, 403],
    ['that exists unseen, as if it were missing', { op: 'replace', path: '/x_secret', value: 'new' }, 409],
    ['that it reads', { op: 'replace', path: '/open', value: 'new' }, 403],
    ['that it reads, to remove it', { op: 'remove', path: '/open' }, 403],
    ['of another name', { op: 'add', path: '/other', value: 'new' }, 403],
  ])('is refused for a property %s', async (_, operation, status) => {
    const before = await show('admin');
    expect((await patch('member', operation)).status).toBe(status);
    expect(await show('admin')).toEqual(before);
    expect((await patch('admin', { op: 'add', path: '/x_secret', value: 's' })).status).toBe(200);
  });

  it('creates an image with properties that the caller may create', async () => {
    expect((await send('member', 'POST', '', { open: 'o' })).status).toBe(403);
    expect((await send('admin', 'POST', '', { x_secret: 's', open: 'o' })).status).toBe(201);
    expect((await send('member', 'POST', '', {})).status).toBe(201);
  });
});
