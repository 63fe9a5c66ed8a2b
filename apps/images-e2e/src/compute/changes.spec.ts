import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { RawConnection, bytesOf } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const IMAGE = '22222222-0000-4000-8000-000000000001';
const DELETABLE = '22222222-0000-4000-8000-000000000002';

let service: Service;
let database: string;
beforeAll(async () => {
  database = await createDatabase('contract');
  service = await startService(database);
});
afterAll(() => service.stop());

function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${service.url}/v2.1/images${path.startsWith('?') ? '' : '/'}${path}`, {
    method,
    headers: { 'x-auth-token': tokenOf('demo'), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

/** Sends a change again while too many wait for the database: then none was made. */
async function sendUntilServed(...request: Parameters<typeof send>): Promise<Response> {
  for (;;) {
    const response = await send(...request);
    if (response.status !== 503) return response;
    await sleep(100);
  }
}

async function metadata(): Promise<Record<string, string>> {
  const response = await send('GET', `${IMAGE}/metadata`);
  return ((await response.json()) as { metadata: Record<string, string> }).metadata;
}

async function row(): Promise<{ version: string; updated_at: Date }> {
  const [found] = await query(database, `SELECT version, updated_at FROM images WHERE id = '${IMAGE}'`);
  return found as { version: string; updated_at: Date };
}

describe('metadata', () => {
  it('loses no key of two hundred writers at once', async () => {
    await send('PUT', `${IMAGE}/metadata`, { metadata: {} });
    const keys = Array.from({ length: 100 }, (_, index) => `key${index}`);
    const responses = await Promise.all(
      [...keys, ...keys].map((key) =>
        sendUntilServed('POST', `${IMAGE}/metadata`, { metadata: { [key]: 'v' } }),
      ),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(Object.keys(await metadata()).sort()).toEqual(keys.sort());
  });

  it('is changed and read in the order in which a client pipelines the requests', async () => {
    const headers = { 'x-auth-token': tokenOf('demo') };
    const target = `/v2.1/images/${IMAGE}/metadata/turn`;
    const turns = Array.from({ length: 240 }, (_, turn) => `turn ${turn}`);
    const connection = await RawConnection.open(service.url);
    // As many requests as may wait.
    const AT_ONCE = 8;
    for (let first = 0; first < turns.length; first += AT_ONCE) {
      const some = turns.slice(first, first + AT_ONCE);
      for (const turn of some) {
        const body = JSON.stringify({ meta: { turn } });
        connection.write(bytesOf({ method: 'PUT', target, headers, body }));
        connection.write(bytesOf({ target, headers }));
      }
      for (const turn of some) {
        expect((await connection.response()).status).toBe(200);
        expect(JSON.parse((await connection.response()).text)).toEqual({ meta: { turn } });
      }
    }
    connection.close();
  });

  it('never exceeds 128 items, however many clients write at once', async () => {
    await send('PUT', `${IMAGE}/metadata`, { metadata: {} });
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        sendUntilServed('PUT', `${IMAGE}/metadata/key${index}`, { meta: { [`key${index}`]: 'v' } }),
      ),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(128);
    expect(responses.filter(({ status }) => status === 403)).toHaveLength(72);
    expect(Object.keys(await metadata())).toHaveLength(128);
  });

  it('updates time and version with each change, and with nothing else', async () => {
    await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '1' } });
    const before = await row();
    await send('POST', `${IMAGE}/metadata`, { metadata: { a: '1' } });
    await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '1' } });
    await send('POST', `${IMAGE}/metadata`, { metadata: {} });
    await send('POST', `${IMAGE}/metadata`, { metadata: { a: 2 } });
    await send('DELETE', `${IMAGE}/metadata/missing`);
    expect(await row()).toEqual(before);
    await send('POST', `${IMAGE}/metadata`, { metadata: { a: '2' } });
    const after = await row();
    expect(BigInt(after.version)).toBeGreaterThan(BigInt(before.version));
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
  });

  it.each([
    [
      '{"metadata":{"a":"\\u0000"}}',
      'Invalid input for field/attribute a. Value: \0. It holds a NUL or half of a surrogate pair',
    ],
    ['{"metadata":{"a":"\\ud800"}}', /half of a surrogate pair/],
    ['{"metadata":{"status":"x"}}', /'status' is an attribute of the image and cannot be metadata/],
    [
      '{"metadata":{"a/b":"x"}}',
      /'a\/b' does not match any of the regexes: '\^\[a-zA-Z0-9-_:\. \]\{1,255\}\$'/,
    ],
    ['{"metadata":{"__proto__":"x"}}', "The key '__proto__' is not allowed."],
    [
      '{"metadata":{"a":{"b":{}}}}',
      "Invalid input for field/attribute a. Value: {'b': {}}. {'b': {}} is not of type 'string'",
    ],
    [`{"metadata":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 'Malformed request body'],
    [
      `{"metadata":${'['.repeat(20)}${']'.repeat(20)}}`,
      /Value: \[{8}\.\.\.\]{8}\. .* is not of type 'object'/,
    ],
    ['{"metadata":{"a":"b"}', 'Malformed request body'],
    [
      '{"metadata":{},"constructor":1}',
      "Additional properties are not allowed ('constructor' was unexpected)",
    ],
    ['{"constructor":{},"toString":1}', "'metadata' is a required property"],
    ['"metadata"', "'metadata' is not of type 'object'"],
  ])('refuses a body that it cannot store (case %#)', async (body, message) => {
    const before = await row();
    const response = await send('POST', `${IMAGE}/metadata`, body);
    expect(response.status).toBe(400);
    const { badRequest } = (await response.json()) as { badRequest: { code: number; message: string } };
    expect(badRequest.code).toBe(400);
    expect(badRequest.message).toEqual(message instanceof RegExp ? expect.stringMatching(message) : message);
    expect(await row()).toEqual(before);
  });

  it('uses the last of duplicate keys, as Nova does', async () => {
    await send('PUT', `${IMAGE}/metadata`, '{"metadata":{"a":"1","a":"2"}}');
    expect(await metadata()).toEqual({ a: '2' });
  });

  it('of one item has its key in the path and in the body', async () => {
    const response = await send('PUT', `${IMAGE}/metadata/a`, { meta: { b: '1' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      badRequest: { code: 400, message: 'Request body and URI mismatch' },
    });
  });
});

describe('conditional requests', () => {
  it.each(['', '/metadata', '/metadata/a'])(
    'identify the state of %s by a strong validator',
    async (path) => {
      await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '1' } });
      const first = await send('GET', IMAGE + path);
      const tag = first.headers.get('etag')!;
      expect(tag).toMatch(/^"[\w-]+"$/);
      expect(new Date(first.headers.get('last-modified')!).getTime()).not.toBeNaN();

      const again = await send('GET', IMAGE + path, undefined, { 'if-none-match': `"other", W/${tag}` });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
      expect(again.headers.get('etag')).toBe(tag);
      expect(again.headers.get('vary')).toBe(
        'OpenStack-API-Version, X-OpenStack-Nova-API-Version, X-Auth-Token',
      );

      await send('POST', `${IMAGE}/metadata`, { metadata: { a: '2' } });
      const changed = await send('GET', IMAGE + path, undefined, { 'if-none-match': tag });
      expect(changed.status).toBe(200);
      expect(changed.headers.get('etag')).not.toBe(tag);
    },
  );

  it('change the validator with the body and not with the version', async () => {
    await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '1' } });
    const tag = (await send('GET', `${IMAGE}/metadata`)).headers.get('etag');
    await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '2' } });
    await send('PUT', `${IMAGE}/metadata`, { metadata: { a: '1' } });
    expect((await send('GET', `${IMAGE}/metadata`)).headers.get('etag')).toBe(tag);
  });

  it('allow one change among many writers that read the same state', async () => {
    await send('PUT', `${IMAGE}/metadata`, { metadata: { n: '0' } });
    const tag = (await send('GET', `${IMAGE}/metadata`)).headers.get('etag')!;
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        send('POST', `${IMAGE}/metadata`, { metadata: { n: String(index + 1) } }, { 'if-match': tag }),
      ),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
    const refused = responses.find(({ status }) => status === 412)!;
    expect(await refused.json()).toMatchObject({ computeFault: { code: 412 } });
  });

  it('refuse a change with a weak validator, and match any state with a star', async () => {
    const tag = (await send('GET', `${IMAGE}/metadata`)).headers.get('etag')!;
    const weak = await send(
      'POST',
      `${IMAGE}/metadata`,
      { metadata: { w: '1' } },
      { 'if-match': `W/${tag}` },
    );
    expect(weak.status).toBe(412);
    const any = await send('POST', `${IMAGE}/metadata`, { metadata: { w: '1' } }, { 'if-match': '*' });
    expect(any.status).toBe(200);
  });
});

describe('a deleted image', () => {
  it('is hidden from every caller, keeps its row, and is deleted once', async () => {
    const tag = (await send('GET', DELETABLE)).headers.get('etag')!;
    expect((await send('DELETE', DELETABLE, undefined, { 'if-match': '"other"' })).status).toBe(412);
    const responses = await Promise.all(
      [1, 2, 3].map(() => send('DELETE', DELETABLE, undefined, { 'if-match': tag })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([204, 404, 404]);
    const admin = { 'x-auth-token': tokenOf('admin') };
    expect((await send('GET', DELETABLE, undefined, admin)).status).toBe(404);
    const [kept] = await query(database, `SELECT status, deleted_at FROM images WHERE id = '${DELETABLE}'`);
    expect(kept).toEqual({ status: 'deleted', deleted_at: expect.any(Date) });
  });
});

describe('glimpse purge', () => {
  const purge = (age: string): ReturnType<typeof glimpse> =>
    glimpse(['purge', '--older-than', age], { DATABASE_URL: databaseUrl(database) });

  it('removes what was deleted long enough ago, and nothing else', async () => {
    await send('DELETE', DELETABLE);
    expect(await purge('1h')).toMatchObject({ code: 0, stdout: '0 images purged\n' });
    expect((await send('GET', `?marker=${DELETABLE}`)).status).toBe(200);
    expect(await purge('0s')).toMatchObject({ code: 0, stdout: '1 images purged\n' });
    expect(await query(database, `SELECT FROM images WHERE id = '${DELETABLE}'`)).toEqual([]);
    expect((await send('GET', `?marker=${DELETABLE}`)).status).toBe(400);
    expect((await send('GET', IMAGE)).status).toBe(200);
  });

  it('refuses an invalid age', async () => {
    const { code, stderr } = await purge('soon');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'glimpse: --older-than = "soon" is not allowed: it must be a whole number with s, m, h or d, such as 30d\n',
    );
  });
});
