import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { createDatabase } from '../harness/databases.js';
import {
  IDENTITIES,
  IMAGE_URL,
  KEYSTONE_URL,
  startService,
  tokenOf,
  type Service,
} from '../harness/service.js';
import { exchanges, readRecording, send, withValues, withoutTimes } from './recording.js';

interface Body {
  image?: { metadata: Record<string, string> };
  images?: { name: string }[];
  metadata?: Record<string, string>;
}
type Difference = { ours: string | { status: number; fault?: string } };

const differences = readRecording<Record<string, Difference>>('differences.json');

let service: Service;
let values: Record<string, string>;
let check: CheckResponse;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'));
  const projects = Object.entries(IDENTITIES).map(([name, { project_id }]) => [name, project_id]);
  values = {
    compute: service.url,
    image: IMAGE_URL,
    keystone: KEYSTONE_URL,
    ...Object.fromEntries(projects),
  };
  check = await readDescription(service.url);
});
afterAll(() => service.stop());

/** Replaces the names in the recording with this run's values. */
const filled = <T>(value: T): T => withValues(value, values);

/** Responses whose content differs from the recording on purpose. */
const CONTENTS: Record<string, (body: Body, actual: Response) => void> = {
  'OPTIONS item': (_, { headers }) => expect(headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS'),
  'OPTIONS collection': (_, { headers }) => expect(headers.get('allow')).toBe('GET, HEAD, OPTIONS'),
  'list ?name=SNAP': ({ images }) => expect(images).toEqual([]),
  'detail ?name=SNAP': ({ images }) => expect(images).toEqual([]),
  'detail ?status=SAVING': ({ images }) => expect(images?.map(({ name }) => name)).toEqual(['queued']),
  'detail ?visibility=private': ({ images }) =>
    expect(images?.map(({ name }) => name)).toEqual(['demo-to-delete', 'demo-private']),
  'list ?name=%zz': ({ images }) => expect(images).toEqual([]),
  'detail ?name=%zz': ({ images }) => expect(images).toEqual([]),
  // The write that the reader sent before was refused.
  'metadata POST by admin': ({ metadata }) => expect(metadata).toEqual({ k2: 'v2', adm: '1' }),
  'show after reserved': ({ image }) => expect(image?.metadata).toEqual({ k2: 'v2', adm: '1' }),
  'changes-since after': ({ images }) =>
    expect(images?.map(({ name }) => name)).toEqual([
      'fakeimage7',
      'demo-private',
      'deactivated',
      'prøtected ✓',
      'queued',
      'snap',
    ]),
};

describe('the recorded responses of a real Nova', () => {
  it('are all replayed', () => {
    expect(exchanges).toHaveLength(203);
  });

  for (const { name, request, response } of exchanges) {
    it(name, async () => {
      const actual = await send(request, service.url, values, tokenOf);
      const text = await actual.text();
      check(request.method, filled(request.path), actual.status, text);
      const body = (text === '' ? '' : JSON.parse(text)) as Body;
      const ours = differences[name]?.ours;
      if (CONTENTS[name]) {
        expect(actual.status).toBe(response.status);
        CONTENTS[name](body, actual);
      } else if (!ours) {
        expect(actual.status).toBe(response.status);
        expect(withoutTimes(body)).toEqual(withoutTimes(filled(response.body)));
        expect(Object.fromEntries(actual.headers)).toMatchObject(filled(ourHeaders(response.headers)));
      } else {
        const { status, fault } = ours as { status: number; fault: string };
        expect(actual.status).toBe(status);
        expect(body).toMatchObject({ [fault]: { code: status, message: expect.any(String) } });
      }
    });
  }
});

/** The recorded headers and those that this service adds to every response, without the request ids. */
function ourHeaders(recorded: Record<string, string>): Record<string, unknown> {
  const { 'x-compute-request-id': _id, 'x-openstack-request-id': _sameId, vary, ...headers } = recorded;
  return {
    ...headers,
    vary: vary ? `${vary}, X-Auth-Token` : 'X-Auth-Token',
    'cache-control': 'private, no-cache',
  };
}

it('gives each response its own request id, under both names', async () => {
  const responses = await Promise.all([1, 2].map(() => fetch(`${service.url}/v2.1/images/x`)));
  const [one, other] = responses.map(({ headers }) => headers.get('x-openstack-request-id'));
  expect(one).toMatch(/^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(responses[0]!.headers.get('x-compute-request-id')).toBe(one);
  expect(other).not.toBe(one);
});
