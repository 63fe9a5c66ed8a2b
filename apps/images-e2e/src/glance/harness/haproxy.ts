import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { freePort } from '../../harness/balancer.js';
import { ROOT } from '../../harness/packages.js';
import { newFolder } from '../../harness/service.js';

/** The package that is missing, if it is. */
export function missingHaproxy(): string | undefined {
  return spawnSync('haproxy', ['-v']).status === 0 ? undefined : 'haproxy';
}

/** An haproxy with the configuration of a page of documentation. */
export interface Haproxy {
  /** The URL of each frontend, by the port that the page has. */
  readonly urls: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * Starts haproxy with all configuration of `docs/glance.md`, in which only addresses are replaced.
 *
 * @param addresses of the servers, by those of the page
 * @throws Error when the page has an address that is not among them
 */
export async function startHaproxy(addresses: Readonly<Record<string, string>>): Promise<Haproxy> {
  const page = readFileSync(join(ROOT, 'docs/glance.md'), 'utf8');
  const blocks = [...page.matchAll(/^```haproxy\n(.*?)^```$/gms)].map(([, block]) => block!);
  let configuration = blocks.join('\n').replace(/(?<= )10(?:\.\d+){3}:\d+/g, (address) => {
    const own = addresses[address];
    if (own === undefined) throw new Error(`docs/glance.md names ${address}`);
    return own;
  });
  const urls: Record<string, string> = {};
  for (const [bind, port] of configuration.matchAll(/^ +bind :(\d+)$/gm)) {
    const own = `127.0.0.1:${await freePort()}`;
    configuration = configuration.replace(bind, ` bind ${own}`);
    urls[port!] = `http://${own}`;
  }
  const file = join(newFolder(), 'haproxy.cfg');
  writeFileSync(file, configuration);
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [haproxy.stdout, haproxy.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const accepts = (url: string): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    );
  await until(async () => {
    if (haproxy.exitCode !== null) throw new Error(output);
    return (await Promise.all(Object.values(urls).map(accepts))).every(Boolean);
  }, 30_000);
  return {
    urls,
    async stop() {
      haproxy.kill('SIGKILL');
      if (haproxy.exitCode === null && haproxy.signalCode === null) await once(haproxy, 'exit');
    },
  };
}
