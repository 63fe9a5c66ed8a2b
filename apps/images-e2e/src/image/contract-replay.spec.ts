import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readDescription, type CheckResponse } from '../harness/description.js';
import { importInto, settingsOf } from '../harness/catalogue.js';
import { createDatabase, query } from '../harness/databases.js';
import { startService, type Service } from '../harness/service.js';
import {
  CALLERS,
  Recording,
  comparable,
  differences,
  filledIn,
  idsFilledIn,
  readRecording,
  type Document,
  type Exchange,
} from './recorded-states.js';

const recording = new Recording(readRecording('image-v2.json'), readRecording('image-v2-initial.json'));

/** The states that are imported have no image data. */
const isReplayed = ({ request }: Exchange): boolean => !request.path.endsWith('/file');

/** The phases of the recording that have more than a few reads. */
const phases = recording
  .phases()
  .map(({ reads, state }) => ({ reads: reads.filter(isReplayed), state }))
  .filter(({ reads }) => reads.length >= 3);

/** The names in the recording with this run's values. */
const filled = <T>(value: T): T =>
  idsFilledIn(filledIn(value), (name) => `99999999-0000-4000-8000-${/\d+/.exec(name)![0].padStart(12, '0')}`);

describe('the recorded responses of a real Glance', () => {
  it('are replayed, but for image data and the changes', () => {
    expect(phases.map(({ reads }) => reads.length)).toEqual([35, 49, 5, 4, 7, 52, 3]);
  });

  let service: Service;
  let check: CheckResponse;
  let database: string;
  beforeAll(async () => {
    database = await createDatabase('migrated');
    service = await startService(database, {
      ...settingsOf(CALLERS),
      GLIMPSE_PORT: 'off',
      GLIMPSE_IMAGE_PORT: '0',
    });
    check = await readDescription(service.url);
  });
  afterAll(() => service.stop());

  phases.forEach(({ reads, state }, index) => {
    describe(`in phase ${index + 1}`, () => {
      beforeAll(async () => {
        await query(database, 'TRUNCATE images CASCADE');
        await importInto(database, filled(state));
      });

      it.each(reads.map((exchange) => [exchange.name, exchange] as const))('%s', async (name, exchange) => {
        const { method, path, headers } = filled(exchange.request);
        const token = /^\{(\w+)\}$/.exec(exchange.request.headers['x-auth-token'] ?? '')?.[1];
        const actual = await fetch(service.url + path, {
          method,
          headers: { ...headers, ...(token && { 'x-auth-token': token }) },
          redirect: 'manual',
        });
        const text = await actual.text();
        if (method === 'GET') check(method, path, actual.status, text);
        const ours = differences[name]?.ours;
        if (typeof ours === 'string') {
          expect(actual.status).toBeLessThan(500);
          return;
        }
        expect(actual.status).toBe(ours?.status ?? exchange.response.status);
        if (ours || method !== 'GET') return;
        if (actual.status === 300) {
          // The recorded Glance has several stores, and so further versions.
          expect(Object.keys(JSON.parse(text) as object)).toEqual(['versions']);
        } else if (actual.status < 400) {
          expect(comparable(JSON.parse(text))).toEqual(comparable(filled(exchange.response.body)));
        } else {
          const { error } = JSON.parse(text) as { error: Document };
          expect(error).toEqual({
            code: actual.status,
            title: expect.any(String),
            message: expect.any(String),
          });
        }
      });
    });
  });
});
