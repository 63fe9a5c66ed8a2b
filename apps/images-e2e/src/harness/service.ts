import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { spawnGlimpse, type Run, type Settings } from './command.js';
import { databaseUrl } from './databases.js';

/** The identities of the recordings. */
export const IDENTITIES = JSON.parse(
  readFileSync(new URL('../../contract/compute/identities.json', import.meta.url), 'utf8'),
) as Record<string, { user_id: string; project_id: string; roles: string[] }>;

/** The token of an identity of the recordings. */
export function tokenOf(identity: string): string {
  return `token-of-${identity}`;
}

/** The public URLs of the image service and Keystone in these suites. */
export const IMAGE_URL = 'http://glance.example.com:9292';
export const KEYSTONE_URL = 'http://keystone.example.com:5000';

/** A running service. */
export interface Service {
  /** The URL of the first API, mostly the Compute API. */
  readonly url: string;
  /** The URL of the Image API, where it has a port. */
  readonly imageUrl: string;
  readonly pid: number;
  /** What it wrote to standard output and to standard error so far. */
  readonly stdout: () => string;
  readonly log: () => string;
  /** Sends a signal and waits for the end of the process. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A new folder, which is removed when the run ends. */
export function newFolder(): string {
  return mkdtempSync(join(process.env['GLIMPSE_E2E_FOLDER']!, 'suite-'));
}

/** Starts a service with just these settings, and waits until it listens. */
export async function startBareService(settings: Settings, how: Run = {}): Promise<Service> {
  const run = spawnGlimpse(['serve'], { GLIMPSE_PORT: '0', GLIMPSE_IMAGE_PORT: 'off', ...settings }, how);
  let stdout = '';
  let log = '';
  run.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const listening = /"event":"listening","url":"([^"]+)"/;
  // Long, for busy machines.
  await until(() => listening.test(log) || run.exitCode !== null, 60_000);
  const url = listening.exec(log)?.[1];
  if (!url) throw new Error(`the service did not start: ${log}`);
  return {
    url,
    get imageUrl() {
      return /"event":"listening","url":"([^"]+)","mode":"\w+","api":"image"/.exec(log)![1]!;
    },
    pid: run.pid!,
    stdout: () => stdout,
    log: () => log,
    async stop(signal = 'SIGTERM') {
      if (run.exitCode === null && run.signalCode === null) {
        run.kill(signal);
        await once(run, 'exit');
      }
      return run.exitCode;
    },
  };
}

/** Starts a service on a database of this run, with the identities of the recordings, ready for requests. */
export async function startService(
  database: string,
  settings: Settings = {},
  how: Run = {},
): Promise<Service> {
  const folder = newFolder();
  const identities = join(folder, 'identities.json');
  const entries = Object.entries(IDENTITIES).map(([name, identity]) => [tokenOf(name), identity]);
  writeFileSync(identities, JSON.stringify(Object.fromEntries(entries)));
  const service = await startBareService(
    {
      DATABASE_URL: databaseUrl(database),
      GLIMPSE_DATA_DIR: folder,
      GLIMPSE_IDENTITIES: identities,
      GLIMPSE_IMAGE_URL: IMAGE_URL,
      GLIMPSE_KEYSTONE_PUBLIC_URL: KEYSTONE_URL,
      GLIMPSE_MAX_MICROVERSION: '2.93',
      ...settings,
    },
    how,
  );
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
  return service;
}
