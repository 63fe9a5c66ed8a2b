import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, it } from '@jest/globals';
import { until } from '@glimpse/domain/testing';

const COMMAND = fileURLToPath(new URL('../../../../tools/swift.mjs', import.meta.url));
/** The exit code of the command where Swift is not installed, or its files cannot have extended attributes. */
const UNAVAILABLE = 69;

/** A Swift with its S3 interface. */
export interface Swift {
  readonly url: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Sends a signal to its proxy, which comes back by itself when it is killed. */
  signal(signal: NodeJS.Signals): void;
  /** Waits until it responds. */
  responds(): Promise<void>;
}

/** A suite with a Swift of its own; it is skipped, with the reason, where Swift cannot run. */
export async function describeWithSwift(name: string, suite: (swift: Swift) => void): Promise<void> {
  const started = await startSwift();
  if (!started) {
    const reason =
      'skipped: Debian’s packages python3-swift and memcached are not installed, or files cannot have attributes';
    // Jest does not show the names of what is skipped when it runs several files.
    process.stderr.write(`${name}: ${reason}\n`);
    describe.skip(`${name} (${reason})`, () => {
      it('needs it', () => undefined);
    });
    return;
  }
  describe(name, () => {
    afterAll(started.stop);
    suite(started.swift);
  });
}

async function startSwift(): Promise<{ swift: Swift; stop: () => Promise<void> } | undefined> {
  // It ends with its standard input, which is closed when this process ends in whatever way.
  const command = spawn(process.execPath, [COMMAND, '--json'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(command, 'exit') as Promise<[number | null]>;
  const line = once(createInterface(command.stdout), 'line') as Promise<[string]>;
  const [first] = await Promise.race([line, exit]);
  if (first === UNAVAILABLE) return undefined;
  if (typeof first !== 'string') throw new Error(`no Swift: exit code ${first}`);
  const service = JSON.parse(first) as Swift & { readonly proxyPidFile: string };
  const isUp = async (): Promise<boolean> => {
    const limited = { signal: AbortSignal.timeout(1_000) };
    return (await fetch(`${service.url}/healthcheck`, limited).catch(() => undefined))?.ok === true;
  };
  const swift = {
    ...service,
    signal: (signal: NodeJS.Signals) =>
      void process.kill(-Number(readFileSync(service.proxyPidFile, 'utf8')), signal),
    responds: () => until(isUp, 30_000),
  };
  const stop = async (): Promise<void> => {
    command.stdin.end();
    await exit;
  };
  return { swift, stop };
}
