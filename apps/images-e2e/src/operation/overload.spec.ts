import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { RawConnection, bytesOf, sendRaw, type RawAnswer } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

/** The most requests that are worked on at a time. */
const MOST_AT_ONCE = 1_024;
/** The most requests of a connection that have a response while the first is not served. */
const MOST_PIPELINED = 1 + 16 + 1;
const TOKEN = { 'x-auth-token': tokenOf('demo') };
const LIST = { target: '/v2.1/images', headers: TOKEN };

function open(count: number): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RawConnection.open(service.url)));
}

function messageOf({ text }: RawAnswer): string {
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

describe('more requests than can be answered', () => {
  it('are refused at once, while those before them have their answers in time, and probes go on', async () => {
    database.stall();
    const connections = await open(MOST_AT_ONCE + 200);
    const messages: string[] = [];
    const answers = connections.map(async (connection) => {
      connection.write(bytesOf(LIST));
      const answer = await connection.answer();
      messages.push(messageOf(answer));
      return answer;
    });
    const refused = await answers.at(-1)!;
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

    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([503]));
    expect(messages.filter((message) => message.startsWith('Too many'))).toHaveLength(200);
    for (const connection of connections) connection.close();
    await database.restore();
    await until(async () => (await sendRaw(service.url, LIST)).status === 200);
  });

  it('make room when their clients go away without waiting for the answer', async () => {
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
    database.stall();
    const [greedy, other] = (await open(2)) as [RawConnection, RawConnection];
    greedy.write(bytesOf(LIST).toString().repeat(3_000));
    // Answered by the same process behind all that it has read of them.
    await sendRaw(service.url, { target: '/livez' });
    other.write(bytesOf(LIST));
    expect(messageOf(await other.answer())).toBe('The image catalogue is temporarily unavailable.');
    await database.restore();
    await until(async () => (await sendRaw(service.url, LIST)).status === 200);
    // One that is served, those that wait for it, and one that is refused.
    for (let answers = 0; answers < MOST_PIPELINED; answers++) {
      const { status, headers } = await greedy.answer();
      expect([200, 503]).toContain(status);
      expect(headers['connection']).toBe(answers === MOST_PIPELINED - 1 ? 'close' : 'keep-alive');
    }
    await greedy.closed();
    expect(greedy.rest).toBe('');
    for (const connection of [greedy, other]) connection.close();
  });
});
