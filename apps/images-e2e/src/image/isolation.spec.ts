import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { newFolder, startService, type Service } from '../harness/service.js';

const OWNER = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const MEMBER = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
const OTHER_MEMBER = 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee';

const PEOPLE: Record<string, Person> = {
  owner: { project_id: OWNER, roles: ['member', 'reader'] },
  member: { project_id: MEMBER, roles: ['member', 'reader'] },
  stranger: { project_id: 'cccccccccccccccccccccccccccccccc', roles: ['member', 'reader'] },
  admin: { project_id: 'dddddddddddddddddddddddddddddddd', roles: ['admin', 'member'] },
  unscoped: { roles: [] },
};

/**
 * What each caller sees of each image:
 *
 *     -  it does not exist for them
 *     s  they see it, and it has no members
 *     m  they see it, and of its members themselves
 *     n  they see it, and none of its members
 *     a  they see it, and all of its members
 */
const MATRIX = `
  image                owner member stranger admin unscoped
  public               s     s      s        s     s
  hidden               s     s      s        s     s
  community            s     s      s        s     s
  private              s     -      -        s     -
  private-with-members s     -      -        s     -
  shared               a     -      -        a     -
  shared-pending       a     m      -        a     -
  shared-accepted      a     m      -        a     -
  shared-rejected      a     m      -        a     -
  ownerless-private    s     s      s        s     s
  ownerless-shared     n     m      n        a     n
`;

const [header = [], ...rows] = MATRIX.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));
const people = header.slice(1);
const idOf = new Map(
  rows.map(([image], index) => [image!, `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`]),
);

function documentOf(image: string): object {
  const [visibility] = /public|community|private|shared/.exec(image === 'hidden' ? 'public' : image)!;
  return {
    id: idOf.get(image),
    name: image,
    status: 'active',
    visibility,
    owner: image.startsWith('ownerless') ? null : OWNER,
    os_hidden: image === 'hidden',
    created_at: '2026-01-01T00:00:00Z',
    x_secret: `the secret of ${image}`,
  };
}

const members = (status: string): object[] =>
  [MEMBER, OTHER_MEMBER].map((member_id) => ({ member_id, status, created_at: '2026-01-01T00:00:00Z' }));

let database: string;
beforeAll(async () => {
  const shared = [
    'private-with-members',
    'shared-pending',
    'shared-accepted',
    'shared-rejected',
    'ownerless-shared',
  ];
  database = await createCatalogue({
    images: [...idOf.keys()].map(documentOf),
    members: Object.fromEntries(
      shared.map((image) => [idOf.get(image)!, members(/pending|rejected/.exec(image)?.[0] ?? 'accepted')]),
    ),
  });
});

let service: Service;
let check: CheckResponse;

async function start(settings: Record<string, string> = {}): Promise<void> {
  const image = { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0' };
  service = await startService(database, { ...settingsOf(PEOPLE), ...image, ...settings });
  check = await readDescription(service.url);
}

async function request(person: string, path: string): Promise<{ status: number; text: string }> {
  const target = `/v2/images${/^(?:$|[?])/.test(path) ? '' : '/'}${path}`;
  const response = await fetch(service.url + target, { headers: { 'x-auth-token': person } });
  const text = await response.text();
  check('GET', target, response.status, text);
  return { status: response.status, text };
}

async function membersFor(person: string, id: string): Promise<{ status: number; members: string[] }> {
  const { status, text } = await request(person, `${id}/members`);
  const document = JSON.parse(text) as { members?: { member_id: string }[] };
  return { status, members: (document.members ?? []).map(({ member_id }) => member_id) };
}

describe('what callers see', () => {
  beforeAll(() => start());
  afterAll(() => service.stop());

  for (const [image, ...cells] of rows) {
    people.forEach((person, column) => {
      const cell = cells[column]!;
      it(`of the image ${image}: ${person} ${cell}`, async () => {
        const id = idOf.get(image!)!;
        const shown = await request(person, id);
        expect(shown.status).toBe(cell === '-' ? 404 : 200);
        expect(shown.text.includes('the secret of')).toBe(cell !== '-');
        expect((await request(person, `${id}/tasks`)).status).toBe(shown.status);

        const list = { '-': [], s: [], n: [], m: [MEMBER], a: [MEMBER, OTHER_MEMBER] }[cell] ?? [];
        const status = { '-': 404, s: 403 }[cell] ?? 200;
        const all = image === 'shared' ? [] : list;
        expect(await membersFor(person, id)).toEqual({ status, members: all });
        for (const member of [MEMBER, OTHER_MEMBER, MEMBER.toUpperCase()]) {
          const { status } = await request(person, `${id}/members/${member}`);
          expect([member, status]).toEqual([member, all.includes(member.toLowerCase()) ? 200 : 404]);
        }
      });
    });
  }

  it('is nothing without a token', async () => {
    const id = idOf.get('public')!;
    for (const path of [id, `${id}/members`, `${id}/members/${MEMBER}`, `${id}/tasks`, 'none', 'none/x']) {
      expect((await request('', path)).status).toBe(401);
    }
  });

  it('is for an image of another project the same as for one that does not exist', async () => {
    const missing = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
    const hidden = idOf.get('private')!;
    for (const path of ['', '/members', `/members/${MEMBER}`, '/tasks']) {
      const one = await request('stranger', hidden + path);
      const other = await request('stranger', missing + path);
      expect(one).toEqual({ ...other, text: other.text.replaceAll(missing, hidden) });
    }
  });
});

describe('what callers list', () => {
  beforeAll(() => start());
  afterAll(() => service.stop());

  const SHARED = ['shared', 'shared-accepted', 'shared-pending', 'shared-rejected'];
  const PRIVATE = ['private', 'private-with-members'];

  /** The images of each list, by caller. */
  const LISTS: Record<string, Record<string, readonly string[]>> = {
    '': {
      owner: ['community', ...PRIVATE, 'public', ...SHARED],
      member: ['ownerless-shared', 'public', 'shared-accepted'],
      stranger: ['public'],
      admin: ['ownerless-private', 'ownerless-shared', ...PRIVATE, 'public', ...SHARED],
      unscoped: ['public'],
    },
    '?visibility=all': {
      owner: ['community', ...PRIVATE, 'public', ...SHARED],
      member: ['community', 'ownerless-shared', 'public', 'shared-accepted'],
      stranger: ['community', 'public'],
      admin: ['community', 'ownerless-private', 'ownerless-shared', ...PRIVATE, 'public', ...SHARED],
      unscoped: ['community', 'public'],
    },
    '?visibility=private': {
      ...{ owner: PRIVATE, member: [], stranger: [], admin: ['ownerless-private', ...PRIVATE], unscoped: [] },
    },
    '?visibility=shared&member_status=all': {
      owner: SHARED,
      member: ['ownerless-shared', 'shared-accepted', 'shared-pending', 'shared-rejected'],
      stranger: [],
      admin: ['ownerless-shared', ...SHARED],
      unscoped: [],
    },
    '?visibility=shared&member_status=pending': {
      owner: SHARED,
      member: ['shared-pending'],
      stranger: [],
      admin: ['ownerless-shared', ...SHARED],
      unscoped: [],
    },
    '?os_hidden=true': Object.fromEntries(people.map((person) => [person, ['hidden']])),
  };

  async function namesIn(person: string, query: string): Promise<string[]> {
    const { status, text } = await request(person, query);
    expect(status).toBe(200);
    return (JSON.parse(text) as { images: { name: string }[] }).images.map(({ name }) => name).sort();
  }

  // From the second time on a list may be served from memory, beside the pages of all other callers.
  it.each(Object.keys(LISTS))('in /v2/images%s, three times in turns', async (query) => {
    for (let time = 1; time <= 3; time++) {
      for (const person of people) {
        expect([person, await namesIn(person, query)]).toEqual([person, LISTS[query]![person]]);
      }
    }
  });
});

describe('what policy and property protections hide', () => {
  beforeAll(async () => {
    const folder = newFolder();
    const [policy, protections] = [join(folder, 'policy.json'), join(folder, 'protections.conf')];
    const rules = {
      get_image: "'public':%(visibility)s or 'shared':%(visibility)s",
      get_members: 'project_id:%(owner)s or role:admin',
      get_member: "'active':%(status)s",
    };
    writeFileSync(policy, JSON.stringify(rules));
    const allowed = ['create', 'read', 'update', 'delete'];
    const section = (roles: string): string =>
      allowed.map((operation) => `${operation} = ${roles}\n`).join('');
    writeFileSync(protections, `[^x_]\n${section('admin')}\n[.*]\n${section('@')}`);
    await start({ GLIMPSE_POLICY_FILE: policy, GLIMPSE_PROPERTY_PROTECTIONS_FILE: protections });
  });
  afterAll(() => service.stop());

  it('an image that get_image refuses is 404, with its members', async () => {
    const id = idOf.get('community')!;
    for (const path of [id, `${id}/members`, `${id}/members/${MEMBER}`]) {
      expect((await request('owner', path)).status).toBe(404);
    }
  });

  it('a list that get_members refuses is 403, one member is not', async () => {
    const id = idOf.get('shared-pending')!;
    expect((await request('member', `${id}/members`)).status).toBe(403);
    expect((await request('member', `${id}/members/${MEMBER}`)).status).toBe(200);
    expect((await request('owner', `${id}/members`)).status).toBe(200);
  });

  it.each(['owner', 'stranger', 'admin'])('a protected property is for its roles: %s', async (person) => {
    for (let read = 1; read <= 3; read++) {
      const { text } = await request(person, idOf.get('public')!);
      expect(text.includes('x_secret')).toBe(person === 'admin');
    }
  });
});
