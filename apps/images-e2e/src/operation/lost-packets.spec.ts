import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ledger, Readers } from '../harness/coherence.js';
import { COMMAND } from '../harness/command.js';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { CANNOT_ISOLATE, NetworkNamespace } from '../harness/network-namespace.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const TOKEN = tokenOf('demo');
const IMAGE = '22222222-0000-4000-8000-000000000001';

const suite = CANNOT_ISOLATE ? describe.skip : describe;

suite(`a replica to which the network loses change notifications${CANNOT_ISOLATE}`, () => {
  let namespace: NetworkNamespace;
  let database: DatabaseProxy;
  let listener: DatabaseProxy;
  let writer: Service;
  let replica: Service;
  const ledger = new Ledger([IMAGE], TOKEN);

  beforeAll(async () => {
    const name = await createDatabase('contract');
    namespace = new NetworkNamespace();
    const [usual, listening] = namespace.cables;
    database = await DatabaseProxy.to(databaseUrl(name), usual.outside);
    listener = await DatabaseProxy.to(databaseUrl(name), listening.outside);
    writer = await startService(name);
    replica = await startService(
      '',
      {
        DATABASE_URL: database.url,
        DATABASE_LISTEN_URL: listener.url,
        GLIMPSE_HOST: usual.inside,
        GLIMPSE_IMAGE_PORT: '0',
      },
      { command: namespace.command(process.execPath, COMMAND) },
    );
    await until(() => countOf('notifications-received') === 1);
  }, 60_000);
  afterAll(async () => {
    await replica?.stop();
    await writer?.stop();
    await listener?.close();
    await database?.close();
    namespace?.remove();
  });

  const countOf = (event: string): number => replica.log().split(`"event":"${event}"`).length - 1;
  /** The number of reads that the replica served from memory. */
  const hits = async (): Promise<number> => {
    const page = await (await fetch(`${replica.url}/metrics`)).text();
    return Number(/^glimpse_image_reads_total\{outcome="hit"\} (\d+)$/m.exec(page)![1]);
  };

  it.each(['inwards', 'all'] as const)(
    'trusts no cached image for longer than two seconds, and reconnects when it can (%s)',
    async (what) => {
      const [, listening] = namespace.cables;
      const seen = new Readers(ledger, [replica], TOKEN);
      const counting = ledger.keepCounting(writer, 100);
      const [lost, received] = [countOf('notifications-lost'), countOf('notifications-received')];
      const before = await hits();
      await until(async () => (await hits()) > before);

      listening.lose(what);
      await until(() => countOf('notifications-lost') === lost + 1);
      expect(replica.log()).toContain('the listening connection did not answer within 1000 ms');
      await sleep(2_500);
      expect(countOf('notifications-received')).toBe(received);
      const without = await hits();
      await sleep(500);
      expect(await hits()).toBe(without);

      listening.mend();
      await until(() => countOf('notifications-received') === received + 1);
      await until(async () => (await hits()) > without);
      await counting.stop();
      await seen.stop();
      expect(seen.wrong).toEqual([]);
      expect([...seen.statuses].filter((status) => ![200, 304].includes(status))).toEqual([]);
      expect([...ledger.statuses]).toEqual([200]);
    },
    60_000,
  );
});
