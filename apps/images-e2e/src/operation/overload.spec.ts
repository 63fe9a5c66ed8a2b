import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { RawConnection, bytesOf, sendRaw, type RawResponse } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

/** The most requests that are processed at a time. */
const MOST_AT_ONCE = 1_024;
/** The most requests of a connection that have a response while the first is not served. */
const MOST_PIPELINED = 1 + 16 + 1;
const TOKEN = { 'x-auth-token': tokenOf('demo') };
const LIST = { target: '/v2.1/images', headers: TOKEN };

function open(count: number): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RawConnection.open(service.url)));
}

function messageOf({ text }: RawResponse): string {
  return (JSON.parse(text) as { serviceUnavailable: { message: string } }).serviceUnavailable.message;
}

let database: DatabaseProxy;
let service: Service;

beforeAll(async () => {
  database = await DatabaseProxy.to(databaseUrl(await createDatabase('contract')));
  service = await startService('unused', { DATABASE_URL: database.url });
});

afterAll(async () => {
  await service.stop();
  await database.close();
});

describe('more requests than can be served', () => {
  it('are refused at once, while those before them get their responses in time, and probes succeed', async () => {
    database.stall();
    const connections = await open(MOST_AT_ONCE + 200);
    const messages: string[] = [];
    const responses = connections.map(async (connection) => {
      connection.write(bytesOf(LIST));
      const response = await connection.response();
      messages.push(messageOf(response));
      return response;
    });
    // Which connections the service reads first is not known, but those beyond the limit have the first responses.
    const refused = await Promise.race(responses);
    expect(messageOf(refused)).toBe('Too many requests are being processed at the moment.');
    expect(messages).not.toContain('The image catalogue is temporarily unavailable.');
    expect(refused).toMatchObject({
      status: 503,
      headers: {
        'retry-after': '1',
        'content-type': 'application/json; charset=UTF-8',
        'cache-control': 'private, no-cache',
        'x-openstack-request-id': expect.stringMatching(/^req-/),
      },
    });
    for (const target of ['/livez', '/readyz', '/metrics']) {
      expect((await sendRaw(service.url, { target })).status).toBe(200);
    }

    expect(new Set((await Promise.all(responses)).map(({ status }) => status))).toEqual(new Set([503]));
    expect(messages.filter((message) => message.startsWith('Too many'))).toHaveLength(200);
    for (const connection of connections) connection.close();
    await database.restore();
    await until(async () => (await sendRaw(service.url, LIST)).status === 200);
  });

  it('make room when their clients disconnect without waiting for the response', async () => {
    database.stall();
    for (let round = 0; round < 2; round++) {
      const connections = await open(MOST_AT_ONCE);
      for (const connection of connections) connection.write(bytesOf(LIST));
      await sendRaw(service.url, { target: '/livez' });
      for (const connection of connections) connection.close();
    }
    await database.restore();
    await until(async () => (await sendRaw(service.url, LIST)).status === 200);
  });

  it('are not those of one client that pipelines, which loses its connection', async () => {
    // A page that is not in memory.
    const list = { ...LIST, target: `${LIST.target}?limit=7` };
    database.stall();
    const [greedy, other] = (await open(2)) as [RawConnection, RawConnection];
    greedy.write(bytesOf(list).toString().repeat(3_000));
    // Served by the same process after everything that it has read of them.
    await sendRaw(service.url, { target: '/livez' });
    other.write(bytesOf(list));
    expect(messageOf(await other.response())).toBe('The image catalogue is temporarily unavailable.');
    await database.restore();
    await until(async () => (await sendRaw(service.url, LIST)).status === 200);
    // One that is served, those that wait for it, and one that is refused.
    for (let responses = 0; responses < MOST_PIPELINED; responses++) {
      const { status, headers } = await greedy.response();
      expect([200, 503]).toContain(status);
      expect(headers['connection']).toBe(responses === MOST_PIPELINED - 1 ? 'close' : 'keep-alive');
    }
    await greedy.closed();
    expect(greedy.rest).toBe('');
    for (const connection of [greedy, other]) connection.close();
  });
});
