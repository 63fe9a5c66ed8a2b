import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { newFolder } from './service.js';

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;

/** A free port. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Milliseconds between checks of the readiness of the replicas. */
const INTERVAL = 250;

/**
 * nginx in front of replicas, with persistent connections to them. Like a Kubernetes Service it sends requests to
 * those that were ready a moment ago, it does not retry a failed request on another one, and it passes uploads and
 * downloads on as they come.
 */
export class Balancer {
  #watching = true;

  private constructor(
    readonly url: string,
    private readonly nginx: ChildProcess,
  ) {}

  /** @param ports of the replicas, present or future; `/readyz` shows which are present */
  static async before(ports: readonly number[]): Promise<Balancer> {
    const folder = newFolder();
    const ready = join(folder, 'ready');
    mkdirSync(ready);
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, ports));
    const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
    const balancer = new Balancer(`http://127.0.0.1:${port}`, nginx);
    for (const replica of ports) void balancer.#watch(replica, join(ready, String(replica)));
    await until(() => isReady(port));
    return balancer;
  }

  async #watch(port: number, file: string): Promise<void> {
    while (this.#watching) {
      if (await isReady(port)) writeFileSync(file, '');
      else rmSync(file, { force: true });
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }

  async stop(): Promise<void> {
    this.#watching = false;
    this.nginx.kill();
    await once(this.nginx, 'exit');
  }
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}

/** Which replicas are ready is a file each, so that nginx needs no reload, which would end connections. */
function configuration(folder: string, port: number, ports: readonly number[]): string {
  const share = (100 / ports.length).toFixed(1);
  const upstreams = ports.map(
    (replica) =>
      `upstream replica_${replica} { server 127.0.0.1:${replica} max_fails=0; keepalive 32; keepalive_timeout 60s; }`,
  );
  const next = ports.map((replica, at) => `${replica} ${ports[(at + 1) % ports.length]};`).join(' ');
  const maps = ports.slice(1).map((_, at) => `map $choice_${at} $choice_${at + 1} { ${next} }`);
  const fallbacks = ports
    .slice(1)
    .map((_, at) => `if (!-f ${folder}/ready/$replica) { set $replica $choice_${at + 1}; }`);
  return `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      keepalive_requests 1000000;
      client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0;
      ${upstreams.join('\n')}
      split_clients $request_id $choice_0 { ${ports
        .slice(1)
        .map((replica) => `${share}% ${replica};`)
        .join(' ')} * ${ports[0]}; }
      ${maps.join('\n')}
      server {
        listen 127.0.0.1:${port};
        location / {
          set $replica $choice_0;
          ${fallbacks.join('\n')}
          proxy_pass http://replica_$replica;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_next_upstream off;
        }
      }
    }`;
}
