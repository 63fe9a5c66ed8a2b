import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, hasNginx } from '../harness/balancer.js';
import { createDatabase } from '../harness/databases.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const suite = hasNginx ? describe : describe.skip;

/** nginx with files of its own, which caches every response that may be cached and ignores no header. */
function configuration(folder: string, port: number, upstream: string): string {
  return `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      proxy_cache_path ${folder}/cache keys_zone=images:1m;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass ${upstream};
          proxy_cache images;
          proxy_cache_valid any 10m;
          add_header X-Cache $upstream_cache_status;
        }
      }
    }`;
}

suite(`a shared HTTP cache in front${hasNginx ? '' : ' (skipped: nginx is not installed)'}`, () => {
  const image = '22222222-0000-4000-8000-000000000001';
  let service: Service;
  let nginx: ChildProcess;
  let front: string;

  beforeAll(async () => {
    service = await startService(await createDatabase('contract'));
    const folder = newFolder();
    mkdirSync(join(folder, 'cache'));
    const port = await freePort();
    front = `http://127.0.0.1:${port}`;
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, service.url));
    nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
    await until(() =>
      fetch(`${front}/livez`).then(
        () => true,
        () => false,
      ),
    );
  });
  afterAll(async () => {
    nginx.kill();
    await service.stop();
  });

  const request = (identity: string, path: string): Promise<Response> =>
    fetch(front + path, { headers: { 'x-auth-token': tokenOf(identity) } });

  it.each([`/v2.1/images/${image}`, `/v2.1/images/${image}/metadata`, '/v2.1/images', '/v2/images/detail'])(
    'never serves %s of one identity to another',
    async (path) => {
      const own = await (await request('demo', path)).text();
      expect(own).toContain(path.includes('metadata') ? 'k1' : image);
      for (let round = 0; round < 3; round++) {
        const theirs = await request('alt', path);
        expect(await theirs.text()).not.toMatch(new RegExp(`${image}|"k1"`));
        expect(theirs.headers.get('x-cache')).not.toBe('HIT');
      }
      expect((await request('', path)).status).toBe(401);
      expect(await (await request('demo', path)).text()).toBe(own);
    },
  );
});
