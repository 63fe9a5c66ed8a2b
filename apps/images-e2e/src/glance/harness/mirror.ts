import { once } from 'node:events';
import { until } from '@glimpse/domain/testing';
import { glimpse, spawnGlimpse } from '../../harness/command.js';
import { createDatabase, databaseUrl } from '../../harness/databases.js';
import { newFolder, startBareService, type Service } from '../../harness/service.js';
import { createCredential, type Cloud, type Person } from '../../keystone/harness/cloud.js';
import { Reader } from './reader.js';

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The settings that authenticate the service's user by an application credential. */
export async function byCredential(cloud: Cloud): Promise<Record<string, string>> {
  const { id, secret } = await createCredential(cloud, cloud.people.glimpse);
  return {
    ...{ OS_USERNAME: '', OS_PASSWORD: '', OS_PROJECT_NAME: '' },
    ...{ OS_APPLICATION_CREDENTIAL_ID: id, OS_APPLICATION_CREDENTIAL_SECRET: secret },
    ...WITHOUT_SERVICE_USER,
  };
}

const USERNAME = 'GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME';
const PASSWORD = 'GLIMPSE_KEYSTONE_SERVICE_USER_PASSWORD';

/** The settings of a mirror that has no service user. */
export const WITHOUT_SERVICE_USER = { [USERNAME]: '', [PASSWORD]: '' };

/** The settings of a mirror that also serves the Image API. */
export function withImageApi({ image }: Cloud): Record<string, string> {
  return { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_GLANCE_URL: image };
}

/** The settings that make a user the service user of a mirror. */
export function serviceUser({ env }: Person): Record<string, string> {
  return { [USERNAME]: env['OS_USERNAME']!, [PASSWORD]: env['OS_PASSWORD']! };
}

/** A process that follows the source. */
export interface FollowerProcess {
  readonly pid: number;
  readonly log: () => string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A Glimpse in front of the run's Glance, on a database of its own, and its followers. */
export class Mirror {
  readonly #followers: FollowerProcess[] = [];

  private constructor(
    readonly service: Service,
    readonly database: string,
    private readonly cloud: Cloud,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** Starts the service and one follower. */
  static async start(cloud: Cloud, settings: Readonly<Record<string, string>> = {}): Promise<Mirror> {
    const database = await createDatabase('migrated');
    const all = {
      DATABASE_URL: databaseUrl(database),
      GLIMPSE_DATA_DIR: newFolder(),
      GLIMPSE_SOURCE: 'glance',
      // Debian's Glance is older than 2023.1.
      GLIMPSE_POLICY_DEFAULTS: 'legacy',
      ...cloud.people.glimpse.env,
      ...serviceUser(cloud.people['glimpse-service']),
      ...settings,
    };
    const service = await startBareService(all);
    await until(async () => (await fetch(`${service.url}/readyz`)).ok);
    const mirror = new Mirror(service, database, cloud, all);
    mirror.follow();
    return mirror;
  }

  /** Starts another replica, ready for requests. */
  async serve(settings: Readonly<Record<string, string>> = {}): Promise<Service> {
    const service = await startBareService({ ...this.settings, ...settings });
    await until(async () => (await fetch(`${service.url}/readyz`)).ok);
    return service;
  }

  /** Starts another follower. */
  follow(settings: Readonly<Record<string, string>> = {}): FollowerProcess {
    const run = spawnGlimpse(['follow'], { ...this.settings, ...settings });
    let log = '';
    run.stdout.resume();
    run.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const follower: FollowerProcess = {
      pid: run.pid!,
      log: () => log,
      async stop(signal = 'SIGTERM') {
        if (run.exitCode !== null || run.signalCode !== null) return;
        run.kill(signal);
        await once(run, 'exit');
      },
    };
    this.#followers.push(follower);
    return follower;
  }

  get followers(): readonly FollowerProcess[] {
    return this.#followers;
  }

  /** Runs `glimpse follow` with an option to its end. */
  followWith(option: string, settings: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return glimpse(['follow', option], { ...this.settings, ...settings });
  }

  /** Waits until the catalogue equals Glance, and the service knows that it is complete. */
  async isCaughtUp(milliseconds = 60_000): Promise<void> {
    let last = '';
    // An application credential cannot create credentials, so this compares the images only, which is quicker.
    const settings = await byCredential(this.cloud);
    const inTime = until(async () => {
      const { code, stdout, stderr } = await this.followWith('--check', settings);
      last = stdout + stderr;
      return code === 0;
    }, milliseconds);
    await inTime.catch(() => {
      const logs = this.#followers.map(({ log }) => log()).join('\n');
      throw new Error(`the catalogue is not what Glance has: ${last}\n${logs}`);
    });
    const reader = await Reader.as(this.cloud, this.cloud.people.demo, this.service);
    await until(async () => (await reader.call('GET', '?limit=1')).status !== 503, milliseconds);
  }

  async stop(): Promise<void> {
    await Promise.all([this.service.stop(), ...this.#followers.map((follower) => follower.stop('SIGKILL'))]);
  }
}
