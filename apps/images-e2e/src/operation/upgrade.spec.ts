import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasNginx } from '../harness/balancer.js';
import { glimpse, spawnGlimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { hasPreviousRelease, previousRelease } from '../harness/previous-release.js';
import { Replicas, type Release } from '../harness/replicas.js';
import { RequestLoad } from '../harness/request-load.js';

const REPLICAS = 3;
const REQUESTS = 50_000;
const LIMIT_MS = 30 * 60_000;
const IMAGES = fileURLToPath(new URL('../../contract/compute/images.json', import.meta.url));

const missing = [
  ...(hasNginx ? [] : ['nginx is not installed']),
  ...(hasPreviousRelease ? [] : ['the history does not have the previous release']),
].join(', ');
const suite = missing === '' ? describe : describe.skip;

suite(`an upgrade under load${missing && ` (skipped: ${missing})`}`, () => {
  let previous: Release;
  let database: string;
  let replicas: Replicas;
  const settings = (): Record<string, string> => ({ DATABASE_URL: databaseUrl(database) });

  beforeAll(async () => {
    previous = previousRelease();
    database = await createDatabase('empty');
    for (const args of [['migrate'], ['import', IMAGES]]) {
      const { code, stderr } = await glimpse(args, settings(), {
        command: [process.execPath, previous.command],
      });
      if (code !== 0) throw new Error(stderr);
    }
    replicas = await Replicas.start(database, REPLICAS, { release: previous });
  }, LIMIT_MS);
  afterAll(() => replicas?.stop());

  /** Kills a migration that has applied something. */
  async function interruptMigration(): Promise<void> {
    const run = spawnGlimpse(['migrate'], settings());
    const ended = once(run, 'exit');
    await once(run.stdout, 'data');
    run.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  }

  it(
    `from the previous release and back to it, its migration interrupted once, loses none of ${REQUESTS} requests`,
    async () => {
      const load = new RequestLoad(replicas.balancer.url);
      await interruptMigration();
      const { code, stdout } = await glimpse(['migrate'], settings());
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^(applied \d{14}_\w+\n)+$/),
      });
      expect((await glimpse(['migrate'], settings())).stdout).toBe('nothing to do\n');
      await replicas.roll();
      await replicas.roll(previous);
      await replicas.roll();
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
