import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasNginx } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import { nextRelease } from '../harness/next-release.js';
import { Replicas } from '../harness/replicas.js';
import { RequestLoad } from '../harness/request-load.js';

const REPLICAS = 3;
const REQUESTS = amount(10_000, 50_000);
const LIMIT_MS = 10 * 60_000;

const suite = hasNginx ? describe : describe.skip;

suite(`a rolling restart under load${hasNginx ? '' : ' (skipped: nginx is not installed)'}`, () => {
  let replicas: Replicas;
  let database: string;
  let next: string;

  beforeAll(async () => {
    next = nextRelease('0.2.0', 'ALTER TABLE images ADD COLUMN of_the_next_release text;');
    database = await createDatabase('contract');
    replicas = await Replicas.start(database, REPLICAS);
  }, LIMIT_MS);
  afterAll(() => replicas?.stop());

  async function versions(): Promise<string[]> {
    const pages = replicas.services.map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
    return (await Promise.all(pages)).map((page) => /glimpse_build_info\{version="([^"]+)"/.exec(page)![1]!);
  }

  it(
    'to the next release, its migration included, and back again loses no request',
    async () => {
      const load = new RequestLoad(replicas.balancer.url);
      const migrated = await glimpse(
        ['migrate'],
        { DATABASE_URL: databaseUrl(database) },
        { command: [process.execPath, next] },
      );
      expect(migrated).toMatchObject({ code: 0, stdout: 'applied 99990101000000_next_release\n' });
      await replicas.roll({ command: next });
      expect(await versions()).toEqual(['0.2.0', '0.2.0', '0.2.0']);
      await replicas.roll();
      expect(await versions()).toEqual(['0.1.0', '0.1.0', '0.1.0']);
      await until(() => load.sent >= REQUESTS, LIMIT_MS);
      await load.end();

      expect(load.failures).toEqual([]);
      expect(load.answered).toBeGreaterThanOrEqual(REQUESTS);
      expect(load.written.size).toBe(load.clients);
      const [row] = await query(database, `SELECT properties FROM images WHERE id = '${load.image}'`);
      expect(row!['properties']).toMatchObject(Object.fromEntries(load.written));
    },
    LIMIT_MS,
  );
});
