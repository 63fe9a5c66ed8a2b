import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { glimpse } from '../harness/command.js';
import { databaseUrl, query } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import { newFolder, startService, type Service } from '../harness/service.js';

const OWNER = 'a'.repeat(32);
const MEMBER = 'b'.repeat(32);

const PEOPLE: Record<string, Person> = {
  owner: { project_id: OWNER, roles: ['member', 'reader'] },
  reader: { project_id: OWNER, roles: ['reader'] },
  member: { project_id: MEMBER, roles: ['member', 'reader'] },
  stranger: { project_id: 'c'.repeat(32), roles: ['member', 'reader'] },
  admin: { project_id: 'd'.repeat(32), roles: ['admin', 'member'] },
  system: { roles: ['admin'] },
  unscoped: { roles: ['member'] },
};

const PATCH = 'application/openstack-images-v2.1-json-patch';

type Document = Record<string, unknown> & { id: string };

let database: string;
let services: readonly [Service, Service];
beforeAll(async () => {
  database = await createCatalogue({ images: [] });
  const settings = {
    ...settingsOf(PEOPLE),
    GLIMPSE_IMAGE_PORT: '0',
    GLIMPSE_DATA_OPTIONS_PATH: join(newFolder(), 'data'),
    GLIMPSE_DATA_OPTIONS_RESERVE: '0',
  };
  services = [await startService(database, settings), await startService(database, settings)];
}, 60_000);
afterAll(() => Promise.all(services.map((service) => service.stop())));

interface Sent {
  readonly as?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Which of the two services is sent the request. */
  readonly to?: 0 | 1;
}

async function send(method: string, path: string, { as = 'owner', body, headers, to = 0 }: Sent = {}) {
  const response = await fetch(`${services[to].imageUrl}/v2/images${path}`, {
    method,
    headers: {
      'x-auth-token': as,
      ...(method === 'PATCH' && { 'content-type': PATCH }),
      ...(/\/(file|stage)$/.test(path) && { 'content-type': 'application/octet-stream' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const document = (text === '' ? {} : JSON.parse(text)) as Document;
  return { status: response.status, headers: response.headers, document };
}

async function create(attributes: object = {}, as = 'owner'): Promise<Document> {
  const { status, document } = await send('POST', '', { as, body: attributes });
  expect(status).toBe(201);
  return document;
}

const patch = (id: string, body: unknown, sent: Sent = {}) => send('PATCH', `/${id}`, { ...sent, body });
const replace = (name: string, value: unknown) => ({ op: 'replace', path: `/${name}`, value });

describe('an image that was created', () => {
  it('is shown, listed, and shown by the Compute API, by both replicas', async () => {
    const { id } = await create({ name: 'new', min_disk: 3, x: 'y', tags: ['b', 'a', 'b'] });
    for (const { url, imageUrl } of services) {
      const headers = { 'x-auth-token': 'owner' };
      const shown = (await (await fetch(`${imageUrl}/v2/images/${id}`, { headers })).json()) as Document;
      expect(shown).toMatchObject({ name: 'new', min_disk: 3, x: 'y', tags: ['a', 'b'], status: 'queued' });
      const list = await fetch(`${imageUrl}/v2/images?name=new`, { headers });
      expect(((await list.json()) as { images: Document[] }).images).toEqual([shown]);
      const server = (await (await fetch(`${url}/v2.1/images/${id}`, { headers })).json()) as object;
      expect(server).toMatchObject({ image: { id, minDisk: 3, status: 'SAVING', metadata: { x: 'y' } } });
    }
  });

  it('is where Location leads, and can be imported', async () => {
    const { headers, document } = await send('POST', '', { body: {} });
    expect(new URL(headers.get('location')!).pathname).toBe(document['self']);
    expect(headers.get('openstack-image-import-methods')).toBe('glance-direct');
    expect(headers.get('openstack-image-store-ids')).toBe('file');
  });

  it('never has an id that another image had, deleted or purged', async () => {
    const id = '70A599E0-31E7-49B7-B260-868F441E8620';
    expect((await create({ id })).id).toBe(id);
    expect((await send('DELETE', `/${id.toLowerCase()}`)).status).toBe(204);
    const again = async (): Promise<number> => (await send('POST', '', { body: { id } })).status;
    expect(await again()).toBe(409);
    const purge = await glimpse(['purge', '--older-than', '0s'], { DATABASE_URL: databaseUrl(database) });
    expect(purge.code).toBe(0);
    expect(await query(database, `SELECT FROM images WHERE id = '${id}'`)).toEqual([]);
    expect(await again()).toBe(409);
  });

  it('belongs to another project only by an administrator, who may have no project', async () => {
    expect((await send('POST', '', { body: { owner: MEMBER } })).status).toBe(403);
    expect(await create({ owner: MEMBER }, 'admin')).toMatchObject({ owner: MEMBER });
    expect(await create({}, 'system')).toMatchObject({ owner: null });
    const { id } = await create({ owner: '' }, 'admin');
    expect((await send('GET', `/${id}`, { as: 'admin' })).document['owner']).toBeNull();
    expect((await send('POST', '', { as: 'unscoped', body: {} })).status).toBe(403);
    expect((await send('POST', '', { as: 'reader', body: {} })).status).toBe(403);
  });

  it.each([
    ['no JSON', '{'],
    ['a byte order mark', '\uFEFF{}'],
    ['JSON that is nested 50,000 deep', '['.repeat(50_000)],
    ['a list', '[]'],
    ['half of a surrogate pair', '{"name": "\\ud800"}'],
    ['the key __proto__', '{"__proto__": "x"}'],
    ['a value of 65,536 bytes', JSON.stringify({ x: 'v'.repeat(65_536) })],
    ['a name of 256 characters', JSON.stringify({ ['n'.repeat(256)]: 'v' })],
    ['a format that does not exist', '{"disk_format": "floppy"}'],
    ['a kernel that is no UUID', '{"kernel_id": "vmlinuz"}'],
    ['half of a GiB', '{"min_disk": 0.5}'],
    ['a minimum below 0', '{"min_ram": -1}'],
  ])('has no body with %s', async (_, body) => {
    const { status, document } = await send('POST', '', { body });
    expect(status).toBe(400);
    expect(document).toMatchObject({ error: { code: 400, message: expect.any(String) } });
  });

  it('may have numbers in any form of JSON, and properties with names of JavaScript', async () => {
    const body = '{"min_disk": 1.0, "min_ram": 1e2, "constructor": "c", "toString": "t", "kernel_id": null}';
    const { document } = await send('POST', '', { body });
    expect(document).toMatchObject({ min_disk: 1, min_ram: 100, kernel_id: null });
    expect([document['constructor'], document['toString']]).toEqual(['c', 't']);
  });
});

describe('a patch', () => {
  it('with If-Match changes only what the client has seen', async () => {
    const { id } = await create({ name: 'one' });
    const etag = (await send('GET', `/${id}`)).headers.get('etag')!;
    const changed = await patch(id, [replace('name', 'two')], { headers: { 'if-match': etag } });
    expect([changed.status, changed.document['name']]).toEqual([200, 'two']);
    expect((await patch(id, [replace('name', 'three')], { headers: { 'if-match': etag } })).status).toBe(412);
    expect((await send('DELETE', `/${id}`, { headers: { 'if-match': etag } })).status).toBe(412);
    const { headers, document } = await send('GET', `/${id}`);
    expect([headers.get('etag'), document['name']]).toEqual([changed.headers.get('etag'), 'two']);
  });

  it('with the same If-Match as others is made once', async () => {
    const { id } = await create();
    const etag = (await send('GET', `/${id}`)).headers.get('etag')!;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        patch(id, [replace('name', `by ${n}`)], { headers: { 'if-match': etag }, to: n % 2 ? 1 : 0 }),
      ),
    );
    expect(results.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
  });

  it('of an attribute that the caller may not set is refused, whatever its value', async () => {
    const { id, owner } = await create();
    expect((await patch(id, [replace('owner', owner)])).status).toBe(403);
    expect((await patch(id, [replace('visibility', 'public')], { as: 'admin' })).status).toBe(200);
    expect((await patch(id, [replace('visibility', 'public')])).status).toBe(403);
    expect((await patch(id, [replace('name', 'still mine')])).status).toBe(200);
  });

  it('is made whole or not at all', async () => {
    const { id, ...before } = await create({ name: 'whole', x: '1' });
    const bad = [
      { op: 'replace', path: '/missing', value: 'x' },
      { op: 'replace', path: '/size', value: 1 },
      { op: 'add', path: '/x//y', value: 'x' },
      { op: 'add', path: 5, value: 'x' },
      { op: 'add', path: '/y' },
      { op: 'remove', path: '/tags' },
      { op: 'replace', path: '/owner', value: MEMBER },
      { op: 'replace', path: '/visibility', value: 'public' },
      { op: 'add', path: '/os_glance_failed_import', value: '' },
    ];
    const expected = [409, 403, 400, 400, 400, 403, 403, 403, 403];
    const statuses: number[] = [];
    for (const operation of bad) {
      statuses.push(
        (await patch(id, [replace('name', 'half'), { op: 'remove', path: '/x' }, operation])).status,
      );
    }
    expect(statuses).toEqual(expected);
    expect((await send('GET', `/${id}`)).document).toEqual({ id, ...before });
  });

  it('that changes nothing leaves the time of change alone, and so does an empty one by any reader', async () => {
    const { id, updated_at } = await create({ name: 'same' });
    await query(database, `UPDATE images SET updated_at = updated_at - interval '1 day' WHERE id = '${id}'`);
    const before = (await send('GET', `/${id}`)).document;
    expect(before['updated_at']).not.toBe(updated_at);
    expect((await patch(id, [replace('name', 'same')])).document).toEqual(before);
    expect((await patch(id, [], { as: 'reader' })).document).toEqual(before);
    expect((await patch(id, [replace('name', 'same')], { as: 'reader' })).status).toBe(403);
  });

  it('by an administrator of the whole system changes any image', async () => {
    const { id } = await create();
    expect((await patch(id, [replace('owner', MEMBER)], { as: 'system' })).document['owner']).toBe(MEMBER);
    expect((await patch(id, [replace('name', 'x')])).status).toBe(404);
    expect((await patch(id, [replace('name', 'x')], { as: 'member' })).status).toBe(200);
  });

  it('of another media type is refused with those that are read', async () => {
    const { id } = await create();
    const { status, headers } = await patch(id, [], { headers: { 'content-type': 'application/json' } });
    expect(status).toBe(415);
    expect(headers.get('accept-patch')?.split(', ').sort()).toEqual([PATCH.replace('2.1', '2.0'), PATCH]);
  });
});

describe('concurrent changes at both replicas', () => {
  const WRITERS = amount(150, 400);
  const MOST = 128;

  type Write = (n: number, to: 0 | 1) => Promise<{ status: number }>;

  /** The status of a write, made again where a busy machine lets it wait for too long. */
  async function statusOf(write: Write, n: number): Promise<number> {
    const { status } = await write(n, n % 2 ? 1 : 0);
    return status === 503 ? statusOf(write, n) : status;
  }

  /** How many of the writers succeed; the others are refused by the limit. */
  async function succeeded(write: Write): Promise<number> {
    const statuses = await Promise.all(Array.from({ length: WRITERS }, (_, n) => statusOf(write, n)));
    expect(statuses.filter((status) => status >= 300 && status !== 413)).toEqual([]);
    return statuses.filter((status) => status < 300).length;
  }

  it('end at the limit of properties', async () => {
    const { id } = await create();
    const add = (n: number, to: 0 | 1) => patch(id, [{ op: 'add', path: `/p${n}`, value: 'v' }], { to });
    expect(await succeeded(add)).toBe(MOST);
    const names = Object.keys((await send('GET', `/${id}`)).document).filter((name) => /^p\d/.test(name));
    expect(names).toHaveLength(MOST);
  }, 60_000);

  it('end at the limit of tags', async () => {
    const { id } = await create();
    expect(await succeeded((n, to) => send('PUT', `/${id}/tags/t${n}`, { to }))).toBe(MOST);
    expect((await send('GET', `/${id}`)).document['tags']).toHaveLength(MOST);
  }, 60_000);

  it('end at the limit of members', async () => {
    const { id } = await create();
    const add = (n: number, to: 0 | 1) => send('POST', `/${id}/members`, { body: { member: `m${n}` }, to });
    expect(await succeeded(add)).toBe(MOST);
    expect((await send('GET', `/${id}/members`)).document['members']).toHaveLength(MOST);
  }, 60_000);
});

describe('members', () => {
  it('accept an image themselves, and leave its time of change alone', async () => {
    const { id, updated_at } = await create({ name: 'shared' });
    expect((await send('POST', `/${id}/members`, { body: { member: MEMBER } })).document).toMatchObject({
      member_id: MEMBER,
      status: 'pending',
    });
    const accept = (as: string) =>
      send('PUT', `/${id}/members/${MEMBER}`, { as, body: { status: 'accepted' } });
    expect((await accept('owner')).status).toBe(403);
    expect((await accept('stranger')).status).toBe(404);
    expect((await accept('member')).document['status']).toBe('accepted');
    for (const to of [0, 1] as const) {
      const listed = (await send('GET', '?name=shared', { as: 'member', to })).document['images'];
      expect(listed).toMatchObject([{ id, updated_at }]);
    }
    expect((await send('DELETE', `/${id}/members/${MEMBER}`, { as: 'member' })).status).toBe(403);
    expect((await send('DELETE', `/${id}/members/${MEMBER}`)).status).toBe(204);
    expect((await send('GET', `/${id}`, { as: 'member' })).status).toBe(404);
  });

  it('are not accepted by the owner, even where it is one itself', async () => {
    const { id } = await create();
    expect((await send('POST', `/${id}/members`, { body: { member: OWNER } })).status).toBe(200);
    const accepted = await send('PUT', `/${id}/members/${OWNER}`, { body: { status: 'accepted' } });
    expect(accepted.status).toBe(403);
  });

  it('are changed while the image is shared, and kept meanwhile', async () => {
    const { id } = await create();
    await send('POST', `/${id}/members`, { body: { member: MEMBER } });
    const member = `/${id}/members/${MEMBER}`;
    await patch(id, [replace('visibility', 'community')]);
    expect((await send('PUT', member, { as: 'member', body: { status: 'accepted' } })).status).toBe(403);
    expect((await send('DELETE', member)).status).toBe(403);
    await patch(id, [replace('visibility', 'shared')]);
    expect((await send('GET', member)).document['status']).toBe('pending');
  });
});

describe('each changing request', () => {
  const IMPORT = { method: { name: 'glance-direct' } };
  const CHANGES: readonly (readonly [method: string, path: string, body?: unknown])[] = [
    ['PATCH', '', [replace('name', 'x')]],
    ['DELETE', ''],
    ['PUT', '/tags/t'],
    ['DELETE', '/tags/old'],
    ['POST', '/members', { member: 'm' }],
    ['PUT', '/members/' + MEMBER, { status: 'accepted' }],
    ['DELETE', '/members/' + MEMBER],
    ['POST', '/actions/deactivate'],
    ['POST', '/actions/reactivate'],
    ['PUT', '/file', 'data'],
    ['PUT', '/stage', 'data'],
    ['POST', '/import', IMPORT],
  ];

  /**
   * What each caller may do with each image of the owner's:
   *
   *     -  it does not exist for them
   *     r  they see it
   *     m  they see it, and are one of its members
   *     w  they may change it
   */
  const MATRIX = `
    image     owner reader member stranger admin system unscoped
    private   w     r      -      -        w     w      -
    community w     r      r      r        w     w      r
    public    w     r      r      r        w     w      r
    shared    w     r      m      -        w     w      -
  `;
  const [[, ...callers] = [], ...rows] = MATRIX.trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const cells = rows.flatMap(([visibility, ...kinds]) =>
    kinds.map((kind, column) => [visibility!, callers[column]!, kind] as const),
  );

  async function sharedAs(visibility: string): Promise<string> {
    const attributes = { visibility, tags: ['old'], disk_format: 'raw', container_format: 'bare' };
    const { id } = await create(attributes, visibility === 'public' ? 'admin' : 'owner');
    if (visibility === 'shared') {
      expect((await send('POST', `/${id}/members`, { body: { member: MEMBER } })).status).toBe(200);
    }
    if (visibility === 'public') {
      expect((await patch(id, [replace('owner', OWNER)], { as: 'admin' })).status).toBe(200);
    }
    return id;
  }

  it.each(cells.filter(([, , kind]) => kind !== 'w'))(
    'of a %s image is refused by its %s (%s), and changes nothing',
    async (visibility, as, kind) => {
      const id = await sharedAs(visibility);
      // An import is refused by the status of the image before it is by policy.
      expect((await send('PUT', `/${id}/stage`, { body: 'data' })).status).toBe(204);
      const state = async (): Promise<object[]> => [
        (await send('GET', `/${id}`)).document,
        (await send('GET', `/${id}/members`)).document,
      ];
      const before = await state();
      for (const [method, path, body] of CHANGES) {
        // Members accept and reject an image themselves.
        if (kind === 'm' && method === 'PUT' && path.startsWith('/members')) continue;
        const { status } = await send(method, `/${id}${path}`, { as, body });
        expect([method + path, status]).toEqual([method + path, kind === '-' ? 404 : 403]);
      }
      expect(await state()).toEqual(before);
    },
  );

  it.each(cells.filter(([, , kind]) => kind === 'w'))(
    'of a %s image is made by the %s',
    async (visibility, as) => {
      const id = await sharedAs(visibility);
      expect((await patch(id, [replace('name', `by ${as}`)], { as })).document).toMatchObject({
        name: `by ${as}`,
      });
      expect((await send('PUT', `/${id}/tags/t`, { as })).status).toBe(204);
      expect((await send('DELETE', `/${id}/tags/old`, { as })).status).toBe(204);
      const { status } = await send('POST', `/${id}/members`, { as, body: { member: 'm' } });
      expect(status).toBe(visibility === 'shared' ? 200 : 403);
      expect((await send('PUT', `/${id}/stage`, { as, body: 'data' })).status).toBe(204);
      expect((await send('POST', `/${id}/import`, { as, body: IMPORT })).status).toBe(202);
      expect((await send('POST', `/${id}/actions/deactivate`, { as })).status).toBe(204);
      expect((await send('POST', `/${id}/actions/reactivate`, { as })).status).toBe(204);
      expect((await send('GET', `/${id}`)).document).toMatchObject({
        ...{ tags: ['t'], owner: OWNER, status: 'active', size: 4 },
      });
      expect((await send('DELETE', `/${id}`, { as })).status).toBe(204);
      const uploaded = await sharedAs(visibility);
      expect((await send('PUT', `/${uploaded}/file`, { as, body: 'data' })).status).toBe(204);
      expect((await send('GET', `/${uploaded}`)).document).toMatchObject({ status: 'active', size: 4 });
    },
  );

  it.each(['DELETE ', 'PUT /tags/t', 'DELETE /tags/old', 'POST /actions/deactivate'])(
    'without need of a body is 400 with one: %s',
    async (request) => {
      const { id } = await create({ tags: ['old'] });
      const [method = '', path = ''] = request.split(' ');
      expect((await send(method, `/${id}${path}`, { body: 'x' })).status).toBe(400);
      expect((await send('GET', `/${id}`)).document['tags']).toEqual(['old']);
    },
  );
});
