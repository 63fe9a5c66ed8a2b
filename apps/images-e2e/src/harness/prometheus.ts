import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { freePort } from './balancer.js';
import { newFolder } from './service.js';

export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

/** Scrapes before queries are sent: a rate needs two samples. */
const SCRAPES = 3;

/** A Prometheus that scrapes services as the ServiceMonitor of the manifests does, but each second. */
export class Prometheus {
  private constructor(
    private readonly url: string,
    private readonly stopped: () => Promise<void>,
  ) {}

  /** Starts one, and waits until it has scraped each service several times. @param urls of metrics, each of a pod */
  static async scraping(urls: readonly string[]): Promise<Prometheus> {
    const folder = newFolder();
    const targets = urls.map((url, at) => ({
      targets: [new URL(url).host],
      labels: { namespace: 'glimpse', pod: `glimpse-${at}` },
    }));
    const job = { job_name: 'glimpse', static_configs: targets };
    const intervals = { scrape_interval: '1s', scrape_timeout: '1s' };
    // JSON is YAML.
    writeFileSync(
      join(folder, 'prometheus.yml'),
      JSON.stringify({ global: intervals, scrape_configs: [job] }),
    );
    const port = await freePort();
    const run = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    );
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, async () => {
      run.kill();
      await once(run, 'exit');
    });
    const enough = `count(count_over_time(glimpse_build_info[1m]) >= ${SCRAPES})`;
    await until(async () => {
      const [pods] = await prometheus.query(enough).catch(() => []);
      return pods?.value[1] === String(urls.length);
    }, 60_000);
    return prometheus;
  }

  /** The series that an expression selects now. */
  async query(expression: string): Promise<{ metric: object; value: [number, string] }[]> {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { error, data } = (await response.json()) as {
      error?: string;
      data: { result: { metric: object; value: [number, string] }[] };
    };
    if (error !== undefined) throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  stop(): Promise<void> {
    return this.stopped();
  }
}
