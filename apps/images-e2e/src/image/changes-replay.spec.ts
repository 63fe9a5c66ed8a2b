import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { IMAGE_URL, newFolder, startService, type Service } from '../harness/service.js';
import {
  CALLERS,
  comparable,
  differences,
  filledIn,
  idsFilledIn,
  readRecording,
  type Document,
  type Exchange,
} from './recorded-states.js';

const numbered = <T>(count: number, item: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, number) => item(number));

/** The bodies that the recording has only the beginning of. */
const WHOLE_BODIES: Readonly<Record<string, unknown>> = {
  'create 129 tags': { name: 'tags', tags: numbered(129, (number) => `t${number}`) },
  'more patch 129 properties': numbered(130, (number) => ({ op: 'add', path: `/q${number}`, value: 'v' })),
};

/** Glance reads paths as Latin-1, and so a tag in UTF-8 as three characters. */
const asUtf8 = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll(Buffer.from('✓').toString('latin1'), '✓')) as T;

/** A change that is made here and was refused there: what follows would show it. */
const MADE_HERE_ONLY = 'more patch system';

/** The store of the recorded Glance, which has a name. */
function configWithStore(): string {
  const folder = newFolder();
  const file = join(folder, 'glimpse.yaml');
  writeFileSync(
    file,
    `data: { stores: [{ id: fs, use: file, options: { path: ${join(folder, 'fs')}, reserve: 0 } }] }\n`,
  );
  return file;
}

const exchanges = readRecording<Exchange[]>('image-v2.json')
  .filter(({ name }) => name !== MADE_HERE_ONLY)
  .map(asUtf8)
  .map((exchange) => {
    const body = WHOLE_BODIES[exchange.name];
    return body ? { ...exchange, request: { ...exchange.request, body: JSON.stringify(body) } } : exchange;
  });

describe('all exchanges recorded at a real Glance, in their order', () => {
  /** The ids that the service chose, by the names of those that Glance chose. */
  const chosen = new Map<string, string>();
  let service: Service;
  let check: CheckResponse;
  beforeAll(async () => {
    const database = await createCatalogue(filledIn(readRecording<object>('image-v2-initial.json')));
    service = await startService(database, {
      ...settingsOf(CALLERS),
      GLIMPSE_PORT: 'off',
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_IMAGE_URL: IMAGE_URL,
      GLIMPSE_CONFIG: configWithStore(),
    });
    check = await readDescription(service.url);
  });
  afterAll(() => service.stop());

  const real = <T>(value: T): T => idsFilledIn(filledIn(value), (name) => chosen.get(name) ?? name);

  it.each(exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (name, exchange) => {
    const { method, path, headers, body } = real(exchange.request);
    const token = /^\{(\w+)\}$/.exec(exchange.request.headers['x-auth-token'] ?? '')?.[1];
    const actual = await fetch(service.url + path, {
      method,
      headers: { ...headers, ...(token && { 'x-auth-token': token }) },
      redirect: 'manual',
      ...(typeof body === 'string' && { body }),
    });
    const text = await actual.text();
    const ours = differences[name]?.ours;
    if (typeof ours === 'string') {
      expect(actual.status).toBeLessThan(500);
      return;
    }
    expect(actual.status).toBe(ours?.status ?? exchange.response.status);
    if (actual.headers.get('content-type') === 'application/json') check(method, path, actual.status, text);
    if (ours || method === 'HEAD' || actual.status === 300) return;
    if (actual.status >= 400) {
      const { error } = JSON.parse(text) as { error: Document };
      expect(error).toEqual({
        code: actual.status,
        title: expect.any(String),
        message: expect.any(String),
      });
      return;
    }
    const recorded = exchange.response.body;
    const named = (recorded as Document | null)?.['id'];
    if (typeof named === 'string' && named.startsWith('{id ')) {
      chosen.set(named, (JSON.parse(text) as Document)['id'] as string);
    }
    const parsed = typeof recorded === 'object' && recorded !== null ? (JSON.parse(text) as unknown) : text;
    expect(comparable(parsed)).toEqual(comparable(real(recorded)));
  });
});
