import { once } from 'node:events';
import { until } from '@glimpse/domain/testing';
import { freePort } from './balancer.js';
import { spawnGlimpse } from './command.js';

/** A running `glimpse follow`. */
export interface FollowerProcess {
  /** The base URL of its metrics. */
  readonly metrics: string;
  readonly log: () => string;
  /** Stops it, and waits for its end. */
  stop(): Promise<number | null>;
}

/** Starts `glimpse follow` with just these settings and metrics on a free port, and waits until those are served. */
export async function startFollower(settings: Record<string, string>): Promise<FollowerProcess> {
  const port = String(await freePort());
  const run = spawnGlimpse(['follow'], {
    ...settings,
    GLIMPSE_HOST: '127.0.0.1',
    GLIMPSE_METRICS_PORT: port,
  });
  let log = '';
  run.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const metrics = `http://127.0.0.1:${port}`;
  const responses = (): Promise<boolean> =>
    fetch(`${metrics}/metrics`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => run.exitCode !== null || (await responses()), 60_000);
  if (run.exitCode !== null) throw new Error(`the follower did not start: ${log}`);
  return {
    metrics,
    log: () => log,
    async stop() {
      if (run.exitCode === null && run.signalCode === null) {
        run.kill('SIGTERM');
        await once(run, 'exit');
      }
      return run.exitCode;
    },
  };
}
