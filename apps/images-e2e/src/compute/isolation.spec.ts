import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { newFolder, startService, type Service } from '../harness/service.js';

const OWNER = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const MEMBER = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';

const PEOPLE: Record<string, Person> = {
  owner: { project_id: OWNER, roles: ['member', 'reader'] },
  reader: { project_id: OWNER, roles: ['reader'] },
  member: { project_id: MEMBER, roles: ['member', 'reader'] },
  stranger: { project_id: 'cccccccccccccccccccccccccccccccc', roles: ['member', 'reader'] },
  admin: { project_id: 'dddddddddddddddddddddddddddddddd', roles: ['admin', 'member'] },
  unscoped: { roles: [] },
  'unscoped-admin': { roles: ['admin'] },
};

/**
 * What each caller may do with each image:
 *
 *     -  it does not exist for them
 *     s  they may read it
 *     l  they may read it and find it in lists
 *     o  they find it and may change it; O: the same, but it is not in lists
 *     r  they find it and own it, but their role may not change it; R: the same, but it is not in lists
 */
const MATRIX = `
  image                owner reader member stranger admin unscoped unscoped-admin
  public               o     r      l      l        o     l        o
  hidden               O     R      s      s        O     s        O
  community            o     r      s      s        O     s        O
  private              o     r      -      -        o     -        o
  private-with-member  o     r      -      -        o     -        o
  shared               o     r      -      -        o     -        o
  shared-pending       o     r      s      -        o     -        o
  shared-accepted      o     r      l      -        o     -        o
  shared-rejected      o     r      s      -        o     -        o
  ownerless-private    s     s      s      s        o     s        o
  ownerless-public     l     l      l      l        o     l        o
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
    secret: `the secret of ${image}`,
  };
}

function members(status: string): object[] {
  return [{ member_id: MEMBER, status }];
}

/** Each policy, and what it makes of a cell of the matrix. */
const POLICIES: Record<string, { rules?: Record<string, string>; cell: (cell: string) => string }> = {
  'the built-in policy': { cell: (cell) => cell },
  // Rules that allow everything add only a reader's changes to the images of their project.
  'a policy whose every rule is the empty text': {
    rules: { get_image: '', get_images: '', modify_image: '', delete_image: '', default: '' },
    cell: (cell) => cell.replace('r', 'o').replace('R', 'O'),
  },
};

let database: string;
beforeAll(async () => {
  database = await createCatalogue({
    images: [...idOf.keys()].map(documentOf),
    members: {
      [idOf.get('private-with-member')!]: members('accepted'),
      [idOf.get('shared-pending')!]: members('pending'),
      [idOf.get('shared-accepted')!]: members('accepted'),
      [idOf.get('shared-rejected')!]: members('rejected'),
    },
  });
});

let service: Service;
let check: CheckResponse;

async function start(rules?: Record<string, string>): Promise<void> {
  const policy = join(newFolder(), 'policy.json');
  if (rules) writeFileSync(policy, JSON.stringify(rules));
  service = await startService(database, {
    ...settingsOf(PEOPLE),
    ...(rules && { GLIMPSE_POLICY_FILE: policy }),
  });
  check = await readDescription(service.url);
}

async function request(
  person: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${service.url}/v2.1/images${path}`, {
    method,
    headers: {
      'x-auth-token': person,
      // Preconditions are checked last: a caller who may change the image gets 412, and nothing changes.
      ...(method !== 'GET' && { 'if-match': '"no such state"' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  check(method, `/v2.1/images${path}`, response.status, text);
  return { status: response.status, text };
}

/** The statuses of a read and of a change. */
const STATUS: Record<string, [number, number]> = {
  '-': [404, 404],
  s: [200, 403],
  l: [200, 403],
  o: [200, 412],
  O: [200, 412],
  r: [200, 403],
  R: [200, 403],
};

describe.each(Object.entries(POLICIES))('the permissions of callers under %s', (_, policy) => {
  beforeAll(() => start(policy.rules));
  afterAll(() => service.stop());

  for (const [image, ...cells] of rows) {
    people.forEach((person, column) => {
      const cell = policy.cell(cells[column]!);
      it(`with the image ${image}: ${person} ${cell}`, async () => {
        const id = idOf.get(image!)!;
        const [read, change] = STATUS[cell]!;
        const statusOf = async (method: string, path: string, body?: object): Promise<number> =>
          (await request(person, method, `/${id}${path}`, body)).status;

        expect(await statusOf('GET', '')).toBe(read);
        expect(await statusOf('GET', '/metadata')).toBe(read);
        expect(await statusOf('GET', '/metadata/secret')).toBe(read);
        expect(await statusOf('POST', '/metadata', { metadata: { a: 'b' } })).toBe(change);
        expect(await statusOf('PUT', '/metadata', { metadata: { a: 'b' } })).toBe(change);
        expect(await statusOf('PUT', '/metadata/a', { meta: { a: 'b' } })).toBe(change);
        expect(await statusOf('DELETE', '/metadata/secret')).toBe(change);
        expect(await statusOf('DELETE', '')).toBe(change);
        expect((await request(person, 'GET', `?marker=${id}`)).status).toBe(read === 404 ? 400 : 200);

        const listed = /[lor]/.test(cell);
        for (const list of [
          '',
          '/detail',
          `?name=${image}`,
          '/detail?property-secret=the%20secret%20of%20' + image,
        ]) {
          // The third response is from memory, beside the pages of all callers before.
          for (const _ of list === '/detail' ? [1, 2, 3] : [1]) {
            const { text } = await request(person, 'GET', list);
            expect(text.includes(id)).toBe(listed);
            expect(text.includes(`"the secret of ${image}"`)).toBe(listed && list.startsWith('/detail'));
          }
        }
      });
    });
  }

  it('a request without a token is 401', async () => {
    const id = idOf.get('public')!;
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/detail'],
      ['GET', `/${id}`],
      ['DELETE', `/${id}`],
      ['POST', `/${id}/metadata`],
      ['PUT', `/${id}/metadata/a`],
    ] as const) {
      expect((await request('', method, path)).status).toBe(401);
    }
  });

  it('an image that the caller may not read is answered like one that does not exist', async () => {
    const missing = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
    const hidden = idOf.get('private')!;
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/metadata'],
      ['GET', '/metadata/secret'],
      ['DELETE', ''],
      ['DELETE', '/metadata/secret'],
    ] as const) {
      const one = await request('stranger', method, `/${hidden}${path}`);
      const other = await request('stranger', method, `/${missing}${path}`);
      expect(one).toEqual(other);
    }
    const one = await request('stranger', 'GET', `?marker=${hidden}`);
    const other = await request('stranger', 'GET', `?marker=${missing}`);
    expect(one.text.replace(hidden, '')).toBe(other.text.replace(missing, ''));
  });
});
