/** One image by id, out of memory: compared with sending bytes only. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requestOf } from '../connection.mjs';
import { peak, steady } from '../load.mjs';
import { median, quantile, shown } from '../numbers.mjs';
import { compareInTurns } from '../rounds.mjs';

/** Seconds until V8 has compiled what runs often: more for more code, on the one core that a server has. */
const WARM_UP_S = 4;
/** Seconds of a turn, and how many each has in a round. */
const TURN_S = 1;
const TURNS = 3;

export const name = 'show-hot';
export const title = 'Show, hot';

const IMAGES = 100;
/** Headers that differ between responses, and those that Node adds itself. */
const NOT_RECORDED = ['connection', 'content-length', 'date', 'keep-alive'];
const IDS_OF_REQUESTS = ['x-compute-request-id', 'x-openstack-request-id'];

/** Each API: the folder of its images, and the settings with which the service serves it alone. */
const COMPUTE = { images: '/v2.1/images', settings: {} };
const IMAGE = { images: '/v2/images', settings: { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0' } };

const pathOf = (id, { images } = COMPUTE) => `${images}/${id}`;
const readOf = (id, api) => `GET ${pathOf(id, api)}`;

async function record(server, ids, token, api) {
  const answers = ids.map(async (id) => {
    const answer = await fetch(server.url + pathOf(id, api), { headers: { 'x-auth-token': token } });
    const headers = Object.fromEntries([...answer.headers].filter(([key]) => !NOT_RECORDED.includes(key)));
    return [id, { headers, body: await answer.text() }];
  });
  return Object.fromEntries(await Promise.all(answers));
}

/** The rival sends what the service does, or the comparison says nothing. */
async function check(server, token, recorded, api) {
  for (const [id, { headers, body }] of Object.entries(recorded)) {
    const answer = await fetch(server.url + pathOf(id, api), { headers: { 'x-auth-token': token } });
    const comparable = (all) => {
      const kept = Object.entries(all).filter(
        ([key]) => ![...NOT_RECORDED, ...IDS_OF_REQUESTS].includes(key),
      );
      return Object.fromEntries(kept);
    };
    assert.deepEqual(comparable(Object.fromEntries(answer.headers)), comparable(headers));
    assert.equal(await answer.text(), body);
  }
}

/** 99 reads of as many images and the change of one, again and again, to another value each time. */
function withChanges(ids) {
  const reads = ids.slice(1).map((id) => readOf(id));
  const changes = Array.from({ length: 2 * ids.length }, (_, number) => {
    const body = JSON.stringify({ meta: { bench: `value ${number}` } });
    return `PUT ${pathOf(ids[number % ids.length])}/metadata/bench ${body}`;
  });
  return changes.flatMap((change) => [...reads, change]);
}

export async function run(stage, { rounds }) {
  const { url } = await stage.catalogue(100_000);
  const all = await stage.publicIds(url, 2 * IMAGES);
  // Changed images are not read by others: all replicas are notified, and would have to fetch them again.
  const [ids, changed] = [all.slice(0, IMAGES), all.slice(IMAGES)];
  const token = stage.token('none');
  const owner = stage.token('large');
  const hot = { requests: ids.map((id) => readOf(id)), token };
  const mixed = { requests: withChanges(changed), token: owner };
  const load = (server, seconds, what) => peak(server, { folder: stage.folder, seconds, ...what });
  const glimpse = (api = COMPUTE) => stage.startGlimpse(url, api.settings);

  /** To begin with few requests is worth something to V8, so all of them do. */
  const contestant = (start, what, { recorded, api }) => ({
    async start() {
      const server = await start();
      await check(server, token, recorded, api);
      return server;
    },
    warmUp: (server) => load(server, WARM_UP_S, what),
    measure: (server) => load(server, TURN_S, what),
  });

  /** What the service sends by an API, and the file that makes a rival send the same. */
  async function recordingOf(api, name) {
    const service = await glimpse(api);
    const recorded = await record(service, ids, token, api);
    const file = join(stage.folder, name);
    writeFileSync(file, JSON.stringify(recorded));
    await check(service, token, recorded, api);
    await service.stop();
    return { recorded, api, file };
  }
  const compute = await recordingOf(COMPUTE, 'recorded.json');
  const image = await recordingOf(IMAGE, 'recorded-image.json');
  const rival = (kind, recording, what) => {
    const how = { recorded: recording.file, token, images: recording.api.images };
    return contestant(() => stage.startRival(kind, how), what, recording);
  };
  const hotImage = { requests: ids.map((id) => readOf(id, IMAGE)), token };
  const of = await compareInTurns(
    {
      'bare Fastify': rival('fastify', compute, hot),
      Glimpse: contestant(() => glimpse(), hot, compute),
      'Glimpse, 1 % changes': contestant(() => glimpse(), mixed, compute),
      'plain Nest': rival('nest', compute, hot),
      'bare Fastify, Image API': rival('fastify', image, hotImage),
      'Glimpse, Image API': contestant(() => glimpse(IMAGE), hotImage, image),
    },
    rounds,
    TURNS,
  );

  const half = of('Glimpse').median / 2;
  const requests = ids.map((id) => requestOf(pathOf(id), token));
  const unhurried = (start) => ({
    start,
    warmUp: (server) => steady(server.url, { requests, rate: half, seconds: WARM_UP_S }),
    measure: (server) => steady(server.url, { requests, rate: half, seconds: TURN_S, warmUp: TURN_S }),
  });
  const latency = await compareInTurns(
    {
      'bare Fastify': unhurried(() =>
        stage.startRival('fastify', { recorded: compute.file, images: COMPUTE.images }),
      ),
      Glimpse: unhurried(() => glimpse()),
    },
    rounds,
    TURNS,
  );

  const major = stage.version.split('.')[0];
  const line = (label, who = label, base = 'bare Fastify') => [
    label,
    shown(of(who).median),
    shown(of(who, 'cpu').median),
    shown(of(who).over(base)),
  ];
  // What documented API of Node costs: decision 12.
  const atLeast = major < 24 ? 0.8 : 0.85;
  const slow = (who) => ['p50', 'p99', 'p999'].map((what) => shown(latency(who, what).median));
  const percentiles = (who) => {
    const runs = latency(who, 'latencies').all;
    const shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];
    return shares.map((share) => [1 / (1 - share), median(runs.map((run) => quantile(run, share)))]);
  };
  return {
    figures: [
      {
        what: 'show, hot / bare Fastify with the same bytes and headers',
        value: of('Glimpse').over('bare Fastify'),
        atLeast,
      },
      {
        what: 'the same by the Image API',
        value: of('Glimpse, Image API').over('bare Fastify, Image API'),
        atLeast,
      },
      {
        what: 'the same, where one request in a hundred changes one of the images',
        value: of('Glimpse, 1 % changes').over('bare Fastify'),
      },
      { what: 'plain Nest / bare Fastify, the same bytes', value: of('plain Nest').over('bare Fastify') },
      {
        what: 'show p99 at half the peak rate',
        value: latency('Glimpse', 'p99').median,
        unit: 'ms',
        atMost: 5,
      },
    ],
    tables: [
      {
        columns: ['', 'requests/s', 'processor µs/request', 'ratio'],
        lines: [
          line('bare Fastify, no token, no rule, constant request ids', 'bare Fastify'),
          line('Glimpse'),
          line('Glimpse, 1 % changes'),
          line('plain Nest: a guard that knows the token, a controller', 'plain Nest'),
          line(
            'bare Fastify, the documents of the Image API',
            'bare Fastify, Image API',
            'bare Fastify, Image API',
          ),
          line('Glimpse, Image API', 'Glimpse, Image API', 'bare Fastify, Image API'),
        ],
      },
      {
        columns: [`at ${shown(half)} requests/s, warm`, 'p50 ms', 'p99 ms', 'p99.9 ms'],
        lines: ['bare Fastify', 'Glimpse'].map((who) => [who, ...slow(who)]),
      },
    ],
    plots: [
      {
        title: `Latency at ${shown(half)} requests/s`,
        x: { label: 'requests that took longer, one in', log: true },
        y: { label: 'ms', log: true },
        series: Object.fromEntries(['bare Fastify', 'Glimpse'].map((who) => [who, percentiles(who)])),
      },
    ],
    measured: {
      rate: Object.fromEntries(['bare Fastify', 'Glimpse', 'plain Nest'].map((who) => [who, of(who).all])),
      p99: Object.fromEntries(['bare Fastify', 'Glimpse'].map((who) => [who, latency(who, 'p99').all])),
    },
  };
}
