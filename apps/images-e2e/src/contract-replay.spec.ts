import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from './harness/databases.js';
import {
  IDENTITIES,
  IMAGE_URL,
  KEYSTONE_URL,
  startService,
  tokenOf,
  type Service,
} from './harness/service.js';

interface Exchange {
  name: string;
  request: { method: string; path: string; headers: Record<string, string>; body?: unknown };
  response: { status: number; headers: Record<string, string>; body: unknown };
}
type Difference = { ours: string | { status: number; fault?: string } };

function read<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../contract/${file}`, import.meta.url), 'utf8')) as T;
}

const differences = read<Record<string, Difference>>('differences.json');

/** What the service speaks so far; `show after reserved` and `show deleted` follow changes, which it does not. */
const replayed = read<Exchange[]>('exchanges.json').filter(
  ({ name }) =>
    (/^(?:show|no token|garbage)/.test(name) || /^mv .* show$/.test(name)) &&
    !['show after reserved', 'show deleted'].includes(name),
);

let service: Service;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'));
});
afterAll(() => service.stop());

/** Puts this run's values in the place of the recording's names. */
function filled<T>(value: T): T {
  const projects = Object.entries(IDENTITIES).map(
    ([name, { project_id }]) => [`{${name}}`, project_id] as const,
  );
  const values = [
    ['{compute}', service.url],
    ['{image}', IMAGE_URL],
    ['{keystone}', KEYSTONE_URL],
    ...projects,
  ];
  const text = values.reduce((all, [name, real]) => all.replaceAll(name!, real!), JSON.stringify(value));
  return JSON.parse(text) as T;
}

async function send({ method, path, headers }: Exchange['request']): Promise<Response> {
  const token = /^\{(\w+)\}$/.exec(headers['x-auth-token'] ?? '')?.[1];
  return fetch(service.url + filled(path), {
    method,
    headers: { ...headers, ...(token && { 'x-auth-token': tokenOf(token) }) },
  });
}

describe('what a real Nova answered', () => {
  it('is replayed in full', () => {
    expect(replayed).toHaveLength(37);
  });

  for (const { name, request, response } of replayed) {
    it(name, async () => {
      const answer = await send(request);
      const body = (await answer.json()) as Record<string, { code: number }>;
      const ours = differences[name]?.ours;
      if (typeof ours === 'object') {
        expect(answer.status).toBe(ours.status);
        expect(body[ours.fault!]?.code).toBe(ours.status);
        return;
      }
      expect(answer.status).toBe(response.status);
      expect(body).toEqual(filled(response.body));
      expect(Object.fromEntries(answer.headers)).toMatchObject(filled(ourHeaders(response.headers)));
    });
  }
});

/** The recorded headers, with what every answer of ours says besides; ids are new each time. */
function ourHeaders(recorded: Record<string, string>): Record<string, unknown> {
  const { 'x-compute-request-id': _, 'x-openstack-request-id': __, vary, ...headers } = recorded;
  return {
    ...headers,
    vary: vary ? `${vary}, X-Auth-Token` : 'X-Auth-Token',
    'cache-control': 'private, no-cache',
  };
}

it('gives each answer one request id, of its own, under both names', async () => {
  const answers = await Promise.all([1, 2].map(() => fetch(`${service.url}/v2.1/images/x`)));
  const [one, other] = answers.map(({ headers }) => headers.get('x-openstack-request-id'));
  expect(one).toMatch(/^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(answers[0]!.headers.get('x-compute-request-id')).toBe(one);
  expect(other).not.toBe(one);
});
