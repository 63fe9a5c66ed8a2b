/** A list of 25 images, out of memory: compared with sending bytes only. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECTS } from '../catalogue.mjs';
import { requestOf } from '../connection.mjs';
import { peak, steady } from '../load.mjs';
import { shown } from '../numbers.mjs';
import { compareInTurns } from '../rounds.mjs';

const WARM_UP_S = 4;
/** Seconds of a turn, and how many each has in a round. */
const TURN_S = 1;
const TURNS = 3;

export const name = 'lists-hot';
export const title = 'Lists, hot';

/** The project whose lists are read: it owns a fifth of the images, and sees them between public ones. */
const PROJECT = 'large';
/** Headers that Node adds itself, or that differ between responses. */
const NOT_RECORDED = ['connection', 'content-length', 'date', 'keep-alive'];
const IDS_OF_REQUESTS = ['x-compute-request-id', 'x-openstack-request-id'];

/** Each list, and the settings with which the service serves its API alone. */
const IMAGE = { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0' };
const LISTS = {
  brief: { path: '/v2.1/images?limit=25', settings: {} },
  detail: { path: '/v2.1/images/detail?limit=25', settings: {} },
  'Image API': { path: '/v2/images?limit=25', settings: IMAGE },
};

const without = (headers, names) =>
  Object.fromEntries(Object.entries(headers).filter(([key]) => !names.includes(key)));

async function read(server, path, token) {
  const answer = await fetch(server.url + path, { headers: { 'x-auth-token': token } });
  const headers = without(Object.fromEntries(answer.headers), NOT_RECORDED);
  return { headers, body: await answer.text() };
}

/** The rival sends what the service does, or the comparison says nothing. */
async function check(server, path, token, recorded) {
  const { headers, body } = await read(server, path, token);
  assert.deepEqual(without(headers, IDS_OF_REQUESTS), without(recorded.headers, IDS_OF_REQUESTS));
  assert.equal(body, recorded.body);
}

/** 99 lists and the change of an image that they show, again and again, to another value each time. */
function withChanges({ path }, ids) {
  const reads = Array.from({ length: 99 }, () => `GET ${path}`);
  return Array.from({ length: 200 }, (_, number) => {
    const body = JSON.stringify({ meta: { bench: `value ${number}` } });
    return [...reads, `PUT /v2.1/images/${ids[number % ids.length]}/metadata/bench ${body}`];
  }).flat();
}

export async function run(stage, { rounds }) {
  const { url } = await stage.catalogue(100_000);
  // Changes would make the lists of later rounds others than those that are recorded.
  const changing = await stage.copyOf(url, 'images_changing');
  const token = stage.token(PROJECT);
  const load = (server, seconds, what) => peak(server, { folder: stage.folder, seconds, token, ...what });
  const recordings = {};
  for (const [list, { path, settings }] of Object.entries(LISTS)) {
    const service = await stage.startGlimpse(url, settings);
    const recorded = await read(service, path, token);
    const file = join(stage.folder, `recorded-list-${Object.keys(recordings).length}.json`);
    writeFileSync(file, JSON.stringify({ list: recorded }));
    recordings[list] = { recorded, file };
    await check(service, path, token, recorded);
    await service.stop();
  }

  const contestant = (list, start, what) => ({
    async start() {
      const server = await start();
      await check(server, LISTS[list].path, token, recordings[list].recorded);
      return server;
    },
    warmUp: (server) => load(server, WARM_UP_S, what),
    measure: (server) => load(server, TURN_S, what),
  });
  const glimpse = (list) => () => stage.startGlimpse(url, LISTS[list].settings);
  const bare = (list) => () =>
    stage.startRival('fastify', { recorded: recordings[list].file, route: LISTS[list].path.split('?')[0] });
  const hot = (list) => ({ requests: [`GET ${LISTS[list].path}`] });
  const { images } = JSON.parse(recordings['Image API'].recorded.body);
  const owned = images.filter(({ owner }) => owner === PROJECTS[PROJECT]).map(({ id }) => id);
  const mixed = { requests: withChanges(LISTS.detail, owned) };
  const all = Object.keys(LISTS).flatMap((list) => [
    [`bare Fastify, ${list}`, contestant(list, bare(list), hot(list))],
    [`Glimpse, ${list}`, contestant(list, glimpse(list), hot(list))],
  ]);
  const of = await compareInTurns(
    {
      ...Object.fromEntries(all),
      // Its images change, so it is not compared with the recording.
      'Glimpse, 1 % changes': {
        start: () => stage.startGlimpse(changing, LISTS.detail.settings),
        warmUp: (server) => load(server, WARM_UP_S, mixed),
        measure: (server) => load(server, TURN_S, mixed),
      },
    },
    rounds,
    TURNS,
  );

  const half = of('Glimpse, detail').median / 2;
  const requests = [requestOf(LISTS.detail.path, token)];
  const unhurried = (start) => ({
    start,
    warmUp: (server) => steady(server.url, { requests, rate: half, seconds: WARM_UP_S }),
    measure: (server) => steady(server.url, { requests, rate: half, seconds: TURN_S, warmUp: TURN_S }),
  });
  const latency = await compareInTurns(
    { 'bare Fastify': unhurried(bare('detail')), Glimpse: unhurried(glimpse('detail')) },
    rounds,
    TURNS,
  );
  return report(of, latency, half);
}

function report(of, latency, half) {
  const ratio = (who, base) => of(who).over(base);
  const line = (who, base) => [
    who,
    shown(of(who).median),
    shown(of(who, 'cpu').median),
    shown(ratio(who, base)),
  ];
  const slow = (who) => ['p50', 'p99', 'p999'].map((what) => shown(latency(who, what).median));
  return {
    figures: [
      ...Object.keys(LISTS).map((list) => ({
        what: `list of 25, hot, ${list} / bare Fastify with the same bytes and headers`,
        value: ratio(`Glimpse, ${list}`, `bare Fastify, ${list}`),
        atLeast: 0.8,
      })),
      {
        what: 'detail list of 25, where one request in a hundred changes an image of it',
        value: ratio('Glimpse, 1 % changes', 'bare Fastify, detail'),
        atLeast: 0.3,
      },
      {
        what: 'list p99 at half the peak rate / bare Fastify at the same rate',
        value: latency('Glimpse', 'p99').over('bare Fastify', 'p99'),
        atMost: 2,
      },
    ],
    tables: [
      {
        columns: ['', 'requests/s', 'processor µs/request', 'ratio'],
        lines: [
          ...Object.keys(LISTS).flatMap((list) => [
            line(`bare Fastify, ${list}`, `bare Fastify, ${list}`),
            line(`Glimpse, ${list}`, `bare Fastify, ${list}`),
          ]),
          line('Glimpse, 1 % changes', 'bare Fastify, detail'),
        ],
      },
      {
        columns: [`at ${shown(half)} requests/s, warm`, 'p50 ms', 'p99 ms', 'p99.9 ms'],
        lines: ['bare Fastify', 'Glimpse'].map((who) => [who, ...slow(who)]),
      },
    ],
  };
}
