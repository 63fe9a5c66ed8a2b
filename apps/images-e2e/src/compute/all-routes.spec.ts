import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createDatabase } from '../harness/databases.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { amount } from '../harness/long.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const REQUESTS = amount(6_000, 20_000);
const AT_ONCE = 16;

const id = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `11111111-0000-4000-8000-00000000000${n}`),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '22222222-0000-4000-8000-000000000001',
      '70A599E0-31e7-49b7-b260-868f441e862b',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 40 }).map(encodeURIComponent)),
  },
);
const key = fc
  .oneof(fc.constantFrom('k1', 'k2', 'a b', 'architecture', 'name'), fc.string({ maxLength: 300 }))
  .map(encodeURIComponent);
const prefix = fc.constantFrom(
  '/v2.1',
  '/v2',
  '/v2.1/66c50f42ace742efaaf201e7ba0fe751',
  '/v2/a5d25386663b4b71b534b9750af300ef',
  '//v2.1',
);

const parameter = fc.tuple(
  fc.constantFrom(
    'limit',
    'marker',
    'name',
    'status',
    'server',
    'type',
    'changes-since',
    'minRam',
    'minDisk',
    'property-k1',
    'visibility',
    'search',
    'x',
  ),
  fc.oneof(
    fc.constantFrom(
      '1',
      '0',
      'ACTIVE',
      'snap',
      'in:snap,queued',
      'public',
      '2020-01-01T00:00:00Z',
      '11111111-0000-4000-8000-000000000002',
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
  ),
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((parameters) => `?${new URLSearchParams(parameters).toString()}`);

const path = fc.oneof(
  fc.tuple(prefix, fc.constantFrom('/images', '/images/detail'), query).map((parts) => parts.join('')),
  fc.tuple(prefix, id).map(([start, image]) => `${start}/images/${image}`),
  fc.tuple(prefix, id).map(([start, image]) => `${start}/images/${image}/metadata`),
  fc.tuple(prefix, id, key).map(([start, image, item]) => `${start}/images/${image}/metadata/${item}`),
  fc
    .tuple(prefix, fc.constantFrom('/extensions', '/extensions/OS-DCF', '/extensions/nosuch', '/nosuch', ''))
    .map((parts) => parts.join('')),
  fc.constantFrom('/', '/v2', '/v2.1/', '/v9', '/livez', '/readyz', '/healthz', '/openapi.json'),
);

const metadata = fc.dictionary(
  fc.oneof(fc.constantFrom('k1', 'k2'), fc.string({ maxLength: 10 })),
  fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
  { maxKeys: 5 },
);
const body = fc.oneof(
  metadata.map((value) => JSON.stringify({ metadata: value })),
  metadata.map((value) => JSON.stringify({ meta: value })),
  fc.json(),
  fc.string(),
);

const generated = fc.record({
  // Mostly reads; deletions are rare, so that images remain.
  method: fc.oneof(
    { weight: 12, arbitrary: fc.constant('GET') },
    { weight: 8, arbitrary: fc.constantFrom('HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE') },
  ),
  path,
  body,
  token: fc.constantFrom(...['demo', 'reader', 'alt', 'admin'].map(tokenOf), 'garbage', ''),
  microversion: fc.option(
    fc.constantFrom(
      'compute 2.1',
      'compute 2.36',
      'compute 2.39',
      'compute latest',
      'compute 9.9',
      'nonsense',
    ),
    { freq: 4, nil: undefined },
  ),
});
type Generated = typeof generated extends fc.Arbitrary<infer T> ? T : never;

let service: Service;
let check: CheckResponse;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'));
  check = await readDescription(service.url);
});
afterAll(() => service.stop());

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

function send({
  method,
  path,
  body,
  token,
  microversion,
}: Generated): Promise<{ status: number; text: string }> {
  const writes = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const headers = {
    ...(token && { 'x-auth-token': token }),
    ...(microversion && { 'openstack-api-version': microversion }),
    ...(writes && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(service.url + path, { method, headers, agent, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    sent.on('timeout', () => sent.destroy(new Error(`no response to ${method} ${path}`)));
    sent.on('error', reject);
    sent.end(writes ? body : undefined);
  });
}

/** The memory of the service in MiB. */
async function residentMemory(): Promise<number> {
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)![1]) / 2 ** 20;
}

async function sendAll(requests: readonly Generated[]): Promise<void> {
  const left = requests.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const generated of left) {
        const { status, text } = await send(generated);
        if (status >= 500) throw new Error(`${status} to ${JSON.stringify(generated)}: ${text}`);
        if (generated.method !== 'HEAD' && generated.method !== 'OPTIONS') {
          if (text !== '') JSON.parse(text);
          check(generated.method, generated.path.replace(/^\/\//, '/'), status, text);
        }
      }
    }),
  );
}

it(`answers ${REQUESTS} generated requests over all routes without an error of its own, as described, in flat memory`, async () => {
  const requests = fc.sample(generated, { numRuns: REQUESTS, seed: 20261124 });
  await sendAll(requests.slice(0, REQUESTS / 2));
  const before = await residentMemory();
  await sendAll(requests.slice(REQUESTS / 2));
  expect(await residentMemory()).toBeLessThan(1.5 * before);
  expect(service.log()).not.toContain('"event":"request-failed"');
}, 240_000);
