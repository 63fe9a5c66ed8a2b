/** Load on a server: as much as it takes, or so much a second whatever it takes. */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Connection } from './connection.mjs';
import { quantile } from './numbers.mjs';

/** A request may take longer on a busy machine than wrk waits by default; what counts is the rate. */
const TIMEOUT_S = 10;
const SCRIPT = fileURLToPath(new URL('requests.lua', import.meta.url));

/** @throws where wrk is missing */
export function requireWrk() {
  if (spawnSync('wrk', ['-v']).error) {
    throw new Error(
      'wrk is missing: install it (Debian, Ubuntu: apt-get install wrk; macOS: brew install wrk)',
    );
  }
}

/**
 * The most requests a second that a server serves, one wrk on the other cores.
 *
 * @param {string[]} requests lines of a method, a path, and a body where there is one, each in turn
 * @returns {Promise<{rate: number, cpu: number}>} requests a second; processor microseconds of the server a request
 * @throws when anything but 2xx comes back
 */
export async function peak(server, { folder, requests, token, seconds, connections = 64 }) {
  const list = join(folder, 'requests');
  writeFileSync(list, requests.join('\n'));
  const before = server.cpu();
  const { stdout } = await promisify(execFile)('wrk', [
    ...[
      '-t',
      '1',
      '-c',
      String(connections),
      '-d',
      `${seconds}s`,
      '--timeout',
      `${TIMEOUT_S}s`,
      '-H',
      `X-Auth-Token: ${token}`,
    ],
    ...['-s', SCRIPT, server.url, '--', list],
  ]);
  const cpu = server.cpu() - before;
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${server.url}: ${stdout}`);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout);
  const [, count] = /(\d+) requests in/.exec(stdout);
  return { rate: Number(rate), cpu: (cpu / Number(count)) * 1e6 };
}

/**
 * So many requests a second, whether the last were answered or not: latency counts from when a request was due,
 * so that a server that stalls pays for all that would have come meanwhile. After twice the time it gives up;
 * what is open then counts as failed.
 *
 * @param {string[]} requests as bytes, each in turn
 * @param {number} warmUp seconds of the same before, whose latencies do not count
 * @returns {Promise<{p50: number, p99: number, p999: number, latencies: Float64Array, failed: number, failures: Record<number, number>}>}
 *   milliseconds; what failed, by status, 0 where there was none
 */
export async function steady(url, { requests, rate, seconds, warmUp = 0, connections = 64 }) {
  const idle = await Promise.all(Array.from({ length: connections }, () => Connection.open(url)));
  const all = [...idle];
  const total = Math.ceil(rate * (warmUp + seconds));
  /** Of each request, in the order in which they were due. */
  const latencies = new Float64Array(total).fill(NaN);
  let answered = 0;
  const failures = {};
  const fail = (status, more = 1) => (failures[status] = (failures[status] ?? 0) + more);
  const began = performance.now();
  const due = (number) => began + (number / rate) * 1000;
  await new Promise((resolve) => {
    let next = 0;
    let waiting = false;
    const pump = () => {
      while (next < total && idle.length > 0 && due(next) <= performance.now()) {
        const number = next++;
        // The one that rested longest: some seconds more, and the server would close it.
        const connection = idle.shift();
        connection.send(requests[number % requests.length], (status) => {
          latencies[number] = performance.now() - due(number);
          answered++;
          if (status < 200 || status > 299) fail(status);
          idle.push(connection);
          if (answered === total) resolve();
          else pump();
        });
      }
      if (!waiting && next < total && idle.length > 0) wait(due(next) - performance.now());
    };
    const again = () => {
      waiting = false;
      pump();
    };
    // Timers are a millisecond coarse, too coarse for many a second; turning round the loop keeps a core busy.
    const wait = (milliseconds) => {
      waiting = true;
      if (rate < 1_000) setTimeout(again, milliseconds);
      else setImmediate(again);
    };
    setTimeout(() => ((next = total), resolve()), (warmUp + seconds) * 2_000).unref();
    pump();
  });
  for (const connection of all) connection.close();
  const given = performance.now();
  if (total > answered) fail(0, total - answered);
  const counted = latencies
    .map((latency, number) => (Number.isNaN(latency) ? given - due(number) : latency))
    .subarray(Math.ceil(rate * warmUp))
    .sort();
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => quantile(counted, share));
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return { p50, p99, p999, latencies: counted, failed, failures: { ...failures } };
}

/**
 * As much as a server takes from so many connections, each of which sends its next request when the last was
 * answered. Costs this end more than wrk, and can send anything.
 *
 * @returns {Promise<{rate: number, cpu: number, p50: number, p99: number, failed: number}>}
 */
export async function closed(server, { requests, seconds, connections }) {
  const all = await Promise.all(Array.from({ length: connections }, () => Connection.open(server.url)));
  const latencies = [];
  const before = server.cpu();
  const began = performance.now();
  let next = 0;
  let failed = 0;
  const run = async (connection) => {
    while (performance.now() < began + seconds * 1000) {
      const { status, ms } = await connection.request(requests[next++ % requests.length]);
      if (status < 200 || status > 299) failed++;
      latencies.push(ms);
      if (status === 0) return;
    }
  };
  await Promise.all(all.map(run));
  const took = (performance.now() - began) / 1000;
  const cpu = ((server.cpu() - before) / latencies.length) * 1e6;
  for (const connection of all) connection.close();
  latencies.sort((one, other) => one - other);
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(latencies, share));
  return { rate: latencies.length / took, cpu, p50, p99, failed };
}
