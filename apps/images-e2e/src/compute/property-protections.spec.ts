import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { glimpse } from '../harness/command.js';
import { newFolder, startService, type Service } from '../harness/service.js';

const PROJECT = 'a'.repeat(32);
const PEOPLE: Record<string, Person> = {
  admin: { project_id: 'b'.repeat(32), roles: ['admin'] },
  member: { project_id: PROJECT, roles: ['member'] },
  creator: { project_id: PROJECT, roles: ['Member', 'creator'] },
  nova: { project_id: 'c'.repeat(32), roles: ['service', 'auditor'] },
};
const SERVER = '6f70656e-7374-4163-8b2e-aaaaaaaaaaaa';
const METADATA = {
  open: 'o',
  x_ro: '1',
  x_secret: 's',
  x_audit: 'a',
  image_type: 'snapshot',
  instance_uuid: SERVER,
};

/** The same protections in both formats; what no section matches is hidden. */
const SECTIONS: readonly (readonly [string, readonly [string, string, string, string]])[] = [
  ['^x_ro', ['admins', 'everyone', 'admins', 'admins']],
  ['^x_audit$', ['admins', 'auditors', 'admins', 'admins']],
  ['^(?P<hidden>x_|instance_uuid|image_type)', ['creators', 'admins', 'admins', 'admins']],
  ['^[a-z_0-9]+\\Z', ['@', '@', '@', '@']],
];
const ROLES: Record<string, string> = {
  admins: 'admin',
  everyone: 'admin,member',
  auditors: 'admin, Auditor',
  creators: 'admin,creator',
};
const POLICIES = {
  admins: 'role:admin',
  everyone: 'role:admin or role:member',
  auditors: 'role:admin or role:auditor',
  creators: 'rule:admins or role:creator',
};

function fileOf(format: 'roles' | 'policies'): string {
  const file = join(newFolder(), 'property-protections.conf');
  const sections = SECTIONS.map(([pattern, permissions]) => {
    const lines = ['create', 'read', 'update', 'delete'].map((operation, index) => {
      const permission = permissions[index]!;
      return `${operation} = ${format === 'roles' ? (ROLES[permission] ?? permission) : permission}`;
    });
    return [`[${pattern}]`, ...lines].join('\n');
  });
  writeFileSync(file, `# as Glance has it\n${sections.join('\n\n')}\n`);
  return file;
}

const EXTENSION = `export default { kind: 'image-extension', contract: 1, create: () => ({
  alias: 'KEYS', name: 'Keys', namespace: 'https://example.com/keys', updated: '2026-01-01T00:00:00Z',
  description: 'Names the properties of an image.', attributes: (image) => ({ 'KEYS:all': Object.keys(image.properties).join() }),
}) };`;

interface ApiResponse {
  readonly status: number;
  readonly tag: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

const FORBIDDEN = (id: string) => ({
  status: 403,
  body: { forbidden: { code: 403, message: `Not authorized for image ${id}.` } },
});

describe.each(['roles', 'policies'] as const)('property protections of the format %s', (format) => {
  let service: Service;
  let next = 0;
  /** The id of an image that no other test changes. */
  const image = (): string => ids[next++]!;
  const ids = Array.from({ length: 30 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);

  beforeAll(async () => {
    const database = await createCatalogue({
      images: ids.map((id) => ({
        ...{ id, name: 'image', status: 'active', visibility: 'private', owner: PROJECT },
        ...{ created_at: '2026-01-01T00:00:00Z', ...METADATA },
      })),
    });
    const folder = newFolder();
    writeFileSync(join(folder, 'keys.mjs'), EXTENSION);
    writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICIES));
    writeFileSync(
      join(folder, 'glimpse.yaml'),
      `extensions: [{ use: ${folder}/keys.mjs }]\nproperty_protections:\n  file: ${fileOf(format)}\n  rule_format: ${format}\n`,
    );
    service = await startService(database, {
      ...settingsOf(PEOPLE),
      GLIMPSE_CONFIG: join(folder, 'glimpse.yaml'),
      GLIMPSE_POLICY_FILE: join(folder, 'policy.json'),
    });
  }, 120_000);
  afterAll(() => service?.stop());

  async function call(
    person: string,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<ApiResponse> {
    const response = await fetch(`${service.url}/v2.1/images${path}`, {
      method,
      headers: { 'x-auth-token': person, ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status } = response;
    return {
      status,
      tag: response.headers.get('etag'),
      body: (text ? JSON.parse(text) : {}) as ApiResponse['body'],
    };
  }
  const get = (person: string, path: string, headers: Record<string, string> = {}) =>
    call(person, 'GET', path, undefined, headers);
  const metadataOf = async (person: string, id: string) =>
    (await get(person, `/${id}/metadata`)).body['metadata'];
  const statusAndBody = ({ status, body }: ApiResponse) => ({ status, body });

  const READABLE: Record<string, object> = {
    admin: METADATA,
    member: { open: 'o', x_ro: '1' },
    creator: { open: 'o', x_ro: '1' },
  };

  it('hide what a caller may not read in every document of an image', async () => {
    const id = image();
    for (const [person, metadata] of Object.entries(READABLE)) {
      const { image: document } = (await get(person, `/${id}`)).body as { image: Record<string, unknown> };
      expect(document['metadata']).toEqual(metadata);
      expect('server' in document).toBe(person === 'admin');
      expect((document['KEYS:all'] as string).split(',').sort()).toEqual(Object.keys(metadata).sort());
      expect(await metadataOf(person, id)).toEqual(metadata);
      const detailed = (await get(person, '/detail')).body['images'] as { id: string; metadata: object }[];
      expect(detailed.find((each) => each.id === id)!.metadata).toEqual(metadata);
    }
    expect((await get('admin', `/${id}/metadata/x_secret`)).body).toEqual({ meta: { x_secret: 's' } });
    const hidden = await get('member', `/${id}/metadata/x_secret`);
    const missing = await get('member', `/${id}/metadata/x_missing`);
    expect(hidden.status).toBe(404);
    expect(statusAndBody(hidden)).toEqual(statusAndBody(missing));
  });

  it('never mix up the documents of callers, in whatever order they send requests', async () => {
    const id = image();
    const tags = new Map<string, string>();
    for (const person of ['admin', 'member', 'admin', 'member', 'creator', 'member', 'admin', 'creator']) {
      const { body, tag } = await get(person, `/${id}`);
      expect((body as { image: { metadata: object } }).image.metadata).toEqual(READABLE[person]);
      expect(tags.get(person) ?? tag).toBe(tag);
      tags.set(person, tag!);
    }
    expect(tags.get('admin')).not.toBe(tags.get('member'));
    expect(tags.get('creator')).toBe(tags.get('member'));
    expect((await get('member', `/${id}`, { 'if-none-match': tags.get('member')! })).status).toBe(304);
    expect((await get('member', `/${id}`, { 'if-none-match': tags.get('admin')! })).status).toBe(200);
  });

  it('include the roles of a service that sends the request for its user', async () => {
    const id = image();
    const withService = { 'x-service-token': 'nova' };
    const { body } = await get('member', `/${id}/metadata`, withService);
    expect(body['metadata']).toEqual({ ...READABLE['member'], x_audit: 'a' });
    expect(await metadataOf('member', id)).toEqual(READABLE['member']);
  });

  it('let a filter by a property that a caller may not read match nothing', async () => {
    for (const filter of [
      'property-x_secret=s',
      'property-x_ro=1&property-x_secret=s',
      `server=${SERVER}`,
      `server=http://compute.example.com/servers/${SERVER}`,
      'type=snapshot',
    ]) {
      expect((await get('admin', `?${filter}`)).body['images']).toHaveLength(ids.length);
      expect((await get('member', `?${filter}`)).body['images']).toHaveLength(0);
      expect((await get('member', `/detail?${filter}`)).body['images']).toHaveLength(0);
    }
    expect((await get('member', '?property-x_ro=1')).body['images']).toHaveLength(ids.length);
  });

  it.each<[string, string, string, object | undefined, object | 403 | 404]>([
    ['member', 'POST', '', { metadata: { open: 'p', fresh: 'f' } }, { ...METADATA, open: 'p', fresh: 'f' }],
    ['member', 'POST', '', { metadata: { open: 'p', x_ro: '2' } }, 403],
    ['member', 'POST', '', { metadata: { open: 'p', x_ro: '1' } }, { ...METADATA, open: 'p' }],
    ['member', 'POST', '', { metadata: { x_ro_new: '1' } }, 403],
    ['member', 'POST', '', { metadata: { x_secret: 's' } }, 403],
    ['member', 'POST', '', { metadata: { 'no section': '1' } }, 403],
    ['admin', 'POST', '', { metadata: { 'no section': '1' } }, 403],
    ['admin', 'POST', '', { metadata: { x_secret: 't' } }, { ...METADATA, x_secret: 't' }],
    ['creator', 'POST', '', { metadata: { x_new: 'n' } }, { ...METADATA, x_new: 'n' }],
    ['creator', 'POST', '', { metadata: { x_secret: 'n' } }, { ...METADATA, x_secret: 'n' }],
    ['member', 'PUT', '/open', { meta: { open: 'p' } }, { ...METADATA, open: 'p' }],
    ['member', 'PUT', '/x_ro', { meta: { x_ro: '2' } }, 403],
    ['member', 'PUT', '/x_ro', { meta: { x_ro: '1' } }, METADATA],
    ['member', 'PUT', '/x_secret', { meta: { x_secret: '2' } }, 403],
    ['member', 'DELETE', '/x_ro', undefined, 403],
    ['member', 'DELETE', '/x_secret', undefined, 404],
    ['creator', 'DELETE', '/x_secret', undefined, 404],
    ['admin', 'DELETE', '/x_secret', undefined, { ...METADATA, x_secret: undefined }],
    ['member', 'DELETE', '/open', undefined, { ...METADATA, open: undefined }],
    [
      'member',
      'PUT',
      '',
      { metadata: { x_ro: '1', fresh: 'f' } },
      { ...METADATA, open: undefined, fresh: 'f' },
    ],
    ['member', 'PUT', '', { metadata: { fresh: 'f' } }, 403],
    [
      'creator',
      'PUT',
      '',
      { metadata: { x_ro: '1', x_secret: 'n' } },
      { ...METADATA, open: undefined, x_secret: 'n' },
    ],
    ['admin', 'PUT', '', { metadata: { fresh: 'f' } }, { fresh: 'f' }],
  ])('respond to %s, sending %s to metadata%s, with %j', async (person, method, path, body, after) => {
    const id = image();
    const response = await call(person, method, `/${id}/metadata${path}`, body);
    if (after === 403) {
      expect(statusAndBody(response)).toEqual(FORBIDDEN(id));
    } else if (after === 404) {
      expect(response.status).toBe(404);
    } else {
      expect(response.status).toBe(method === 'DELETE' ? 204 : 200);
      if (method !== 'DELETE' && path === '') {
        expect(response.body['metadata']).toEqual(await metadataOf(person, id));
      }
    }
    expect(await metadataOf('admin', id)).toEqual(
      typeof after === 'number' ? METADATA : JSON.parse(JSON.stringify(after)),
    );
  });

  it('lose no concurrent change, and accept the entity tag of one view as the condition of a change', async () => {
    const id = image();
    const { tag } = await get('member', `/${id}/metadata`);
    const keys = Array.from({ length: 8 }, (_, n) => `x_new_${n}`);
    const responses = await Promise.all(
      keys.map((key) => call('creator', 'POST', `/${id}/metadata`, { metadata: { [key]: 'n' } })),
    );
    expect(responses.map(({ status }) => status)).toEqual(keys.map(() => 200));
    expect(Object.keys((await metadataOf('admin', id)) as object)).toEqual(expect.arrayContaining(keys));
    // The member still reads the same document.
    expect((await get('member', `/${id}/metadata`)).tag).toBe(tag);
    const guarded = { 'if-match': tag! };
    expect(
      (await call('member', 'POST', `/${id}/metadata`, { metadata: { open: 'q' } }, guarded)).status,
    ).toBe(200);
    expect(
      (await call('member', 'POST', `/${id}/metadata`, { metadata: { open: 'r' } }, guarded)).status,
    ).toBe(412);
  });
});

describe('a property protection file that is wrong', () => {
  it('stops the start, and config --check reports file, line and section', async () => {
    const file = join(newFolder(), 'wrong.conf');
    writeFileSync(file, '[.*]\ncreate = @\nread = @,!\nupdate = @\ndelete = @\n');
    for (const command of [['config', '--check'], ['serve']]) {
      const { code, stderr } = await glimpse(command, { GLIMPSE_PROPERTY_PROTECTIONS_FILE: file });
      expect(code).toBe(1);
      expect(stderr).toContain(
        `property_protections.file ${file}, line 3: [.*]: read: '@' and '!' exclude each other`,
      );
    }
  }, 120_000);
});
