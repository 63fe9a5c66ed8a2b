/** Memory of one process: at rest, under mixed load, and after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECTS } from '../catalogue.mjs';
import { requestOf } from '../connection.mjs';
import { steady } from '../load.mjs';
import { median, shown } from '../numbers.mjs';

export const name = 'memory';
export const title = 'Memory';

const RATE_PER_S = 400;
/** MiB by which two measurements of a process that does not grow may differ. */
const NOISE_MIB = 5;

/** Seconds between two measurements. */
const INTERVAL_S = 1;

/** Shows of many images, lists of all kinds, changes: of two hundred tokens. */
export async function mixedLoad(stage, url) {
  const ids = await stage.publicIds(url, 5_000);
  const projects = Object.keys(PROJECTS);
  const tokens = Array.from({ length: 200 }, (_, number) => stage.token(projects[number % projects.length]));
  const owner = stage.token('large');
  return Array.from({ length: 20_000 }, (_, number) => {
    const token = tokens[number % tokens.length];
    const id = ids[number % ids.length];
    const change = { method: 'PUT', body: JSON.stringify({ meta: { bench: String(number) } }) };
    switch (number % 50) {
      case 0:
        return requestOf(`/v2.1/images/${id}/metadata/bench`, owner, change);
      case 1:
      case 2:
        return requestOf('/v2.1/images?limit=25', token);
      case 3:
      case 4:
        return requestOf('/v2.1/images/detail?limit=25&name=ubuntu-24.04', token);
      case 5:
        return requestOf(number % 500 === 5 ? '/v2.1/images/detail' : `/v2.1/images?marker=${id}`, token);
      case 6:
        return requestOf(`/v2.1/images/${id}/metadata`, token);
      default:
        return requestOf(`/v2.1/images/${id}`, token);
    }
  });
}

export async function run(stage, { soak }) {
  const seconds = soak ? 600 : 20;
  const { url } = await stage.catalogue(100_000);
  const requests = await mixedLoad(stage, url);
  const server = await stage.startGlimpse(url);
  try {
    await sleep(3_000);
    const idle = server.rss();
    const samples = [];
    const began = performance.now();
    const timer = setInterval(
      () => samples.push([(performance.now() - began) / 1000, server.rss()]),
      INTERVAL_S * 1000,
    );
    const { failed, failures } = await steady(server.url, { requests, rate: RATE_PER_S, seconds });
    clearInterval(timer);
    await sleep(5_000);
    const after = server.rss();
    return report({ idle, samples, after, failed, failures, seconds, soak });
  } finally {
    await server.stop();
  }
}

function statuses(failures) {
  const said = Object.entries(failures).map(
    ([status, count]) => `${count} ${status === '0' ? 'without an answer' : status}`,
  );
  return said.join(', ');
}

function report({ idle, samples, after, failed, failures, seconds, soak }) {
  const tenth = (number) =>
    median(samples.filter(([at]) => Math.floor((at / seconds) * 10) === number).map(([, rss]) => rss));
  const during = median(samples.map(([, rss]) => rss));
  const figures = [{ what: 'memory, idle', value: idle, unit: 'MiB', atMost: 150 }];
  if (soak) {
    figures.push(
      { what: 'memory after ten minutes of mixed load', value: after, unit: 'MiB', atMost: 256 },
      {
        what: 'growth from the sixth to the tenth minute',
        value: tenth(9) - tenth(5),
        unit: 'MiB',
        atMost: NOISE_MIB,
      },
    );
  } else {
    figures.push({ what: `memory after ${seconds} s of mixed load`, value: after, unit: 'MiB' });
  }
  if (failed > 0)
    figures.push({
      what: `requests of the mixed load that were not answered with 2xx (${statuses(failures)})`,
      value: failed,
      atMost: 0,
    });
  return {
    figures,
    tables: [
      {
        columns: ['MiB resident', 'idle', 'median under load', 'five seconds after'],
        lines: [[`${RATE_PER_S} requests/s for ${seconds} s`, shown(idle), shown(during), shown(after)]],
      },
    ],
    plots: [
      {
        title: 'Memory under mixed load',
        x: { label: 's' },
        y: { label: 'MiB', fromZero: true },
        series: { resident: samples },
      },
    ],
  };
}
