import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { sendRaw, type RawResponse } from '../harness/raw-http.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

/** The server of the machine's packages; pg_dump reads servers up to its own version. */
const major = /(\d+)/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
const hasServer = major !== undefined && spawnSync('pg_virtualenv', ['-h']).status === 0;
const suite = hasServer ? describe : describe.skip;

const IMAGE = '/v2.1/images/22222222-0000-4000-8000-000000000001';
const IMAGES = fileURLToPath(new URL('../../contract/compute/images.json', import.meta.url));

suite(
  `on PostgreSQL ${hasServer ? major : '(skipped: pg_dump and pg_virtualenv are not installed)'}, as the machine has it`,
  () => {
    let server: ChildProcess;
    let urlOf: (database: string) => string;
    const services: Service[] = [];

    beforeAll(async () => {
      const settings = { ...process.env, LC_ALL: 'C.UTF-8' };
      const run = [
        '-v',
        major!,
        'sh',
        '-c',
        'echo "URL postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT"; cat',
      ];
      server = spawn('pg_virtualenv', run, { env: settings, stdio: ['pipe', 'pipe', 'ignore'] });
      for await (const line of createInterface(server.stdout!)) {
        const base = /^URL (.*)$/.exec(line)?.[1];
        urlOf = (database) => `${base}/${database}`;
        if (base) break;
      }
    }, 60_000);
    afterAll(async () => {
      for (const service of services) await service.stop();
      server.stdin!.end();
      await once(server, 'exit');
    }, 60_000);

    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { encoding: 'utf8' });

    async function serve(database: string): Promise<Service> {
      const service = await startService('postgres', {
        DATABASE_URL: urlOf(database),
        GLIMPSE_PUBLIC_URL: 'https://images.example.com',
      });
      services.push(service);
      return service;
    }

    const send = (service: Service, target: string, method = 'GET', body?: string): Promise<RawResponse> =>
      sendRaw(service.url, { target, method, body, headers: { 'x-auth-token': tokenOf('demo') } });

    const shown = async (service: Service): Promise<object[]> => {
      const responses = [IMAGE, '/v2.1/images/detail', '/v2.1/images?limit=2'].map((target) =>
        send(service, target),
      );
      return (await Promise.all(responses)).map(({ status, headers, text }) => ({
        status,
        etag: headers['etag'],
        text,
      }));
    };

    it('the service has its migrations, lists and change notifications', async () => {
      run('psql', '-qc', 'CREATE DATABASE served', urlOf('postgres'));
      const env = { DATABASE_URL: urlOf('served') };
      expect((await glimpse(['migrate'], env)).code).toBe(0);
      expect((await glimpse(['import', IMAGES], env)).code).toBe(0);
      const { stdout } = await glimpse(['doctor'], env);
      expect(stdout).toMatch(new RegExp(`^ok +database: PostgreSQL ${major}\\.`, 'm'));
      const [one, another] = [await serve('served'), await serve('served')];
      for (const service of [one, another]) {
        await until(() => service.log().includes('"event":"notifications-received"'));
      }
      const listed = async (filter: string): Promise<string[]> => {
        const { status, text } = await send(another, `/v2.1/images?${filter}`);
        if (status !== 200) return [`${status}`];
        const { images } = JSON.parse(text) as { images: { id: string }[] };
        return images.map(({ id }) => id);
      };
      const id = IMAGE.split('/').at(-1)!;
      const read = async (): Promise<string> => (await send(another, IMAGE)).text;
      expect(await read()).not.toContain('"colour"');
      expect(await listed('property-colour=blue')).toEqual([]);
      const changed = await send(one, `${IMAGE}/metadata/colour`, 'PUT', '{"meta": {"colour": "blue"}}');
      expect(changed.status).toBe(200);
      await until(async () => (await read()).includes('"colour":"blue"'));
      await until(async () => isDeepStrictEqual(await listed('property-colour=blue'), [id]));
      expect((await send(one, IMAGE, 'DELETE')).status).toBe(204);
      await until(async () => (await send(another, IMAGE)).status === 404);
      await until(async () => (await listed('property-colour=blue')).length === 0);
    }, 120_000);

    it('a backup taken before later changes restores the same responses, and a catalogue that accepts changes', async () => {
      run('psql', '-qc', 'CREATE DATABASE original', urlOf('postgres'));
      const env = { DATABASE_URL: urlOf('original') };
      expect((await glimpse(['migrate'], env)).code).toBe(0);
      expect((await glimpse(['import', IMAGES], env)).code).toBe(0);
      const original = await serve('original');
      const changed = await send(original, `${IMAGE}/metadata/colour`, 'PUT', '{"meta": {"colour": "blue"}}');
      expect(changed.status).toBe(200);
      const before = await shown(original);

      const file = join(newFolder(), 'backup');
      run('pg_dump', '--format=custom', `--file=${file}`, urlOf('original'));
      expect((await send(original, IMAGE, 'DELETE')).status).toBe(204);

      run('psql', '-qc', 'CREATE DATABASE restored', urlOf('postgres'));
      run('pg_restore', '--no-owner', '--exit-on-error', `--dbname=${urlOf('restored')}`, file);
      expect(await glimpse(['migrate'], { DATABASE_URL: urlOf('restored') })).toMatchObject({
        code: 0,
        stdout: 'nothing to do\n',
      });
      const restored = await serve('restored');
      expect(await shown(restored)).toEqual(before);
      const again = await send(restored, `${IMAGE}/metadata/colour`, 'PUT', '{"meta": {"colour": "red"}}');
      expect(again.status).toBe(200);
      expect((await send(original, IMAGE)).status).toBe(404);
    }, 120_000);
  },
);
