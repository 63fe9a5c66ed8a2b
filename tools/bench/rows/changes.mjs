/** Changes of metadata, and what their notifications cost PostgreSQL. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { PROJECTS } from '../catalogue.mjs';
import { requestOf } from '../connection.mjs';
import { median, quantile, shown } from '../numbers.mjs';
import { closed } from '../load.mjs';
import { compare } from '../rounds.mjs';

export const name = 'changes';
export const title = 'Metadata changes';

const CLIENTS = 16;
const CHANGES_SEEN = 2_000;
const SEEN_AT_ONCE = 4;
/** A page that shows the caller's own images only. */
const PAGE = '/v2.1/images/detail?limit=25&visibility=private';

/** Statements on PostgreSQL, and the triggers that notify of them: of the image, and of the lists that may have it. */
const STATEMENTS = {
  updates: {
    text: `UPDATE images SET version = nextval('images_version_seq') WHERE id = $1`,
    triggers: ['images_updated', 'images_audiences_updated'],
  },
  inserts: {
    text: `INSERT INTO images (id, status, visibility, owner, created_at)
           VALUES (gen_random_uuid(), 'queued', 'shared', $1, now())`,
    triggers: ['images_audiences_inserted'],
  },
};

/** Changes of one property each, of many images in turn. */
function changes(ids, token) {
  return Array.from({ length: 4_999 }, (_, number) =>
    requestOf(`/v2.1/images/${ids[number % ids.length]}/metadata/bench`, token, {
      method: 'PUT',
      body: JSON.stringify({ meta: { bench: `value ${number}` } }),
    }),
  );
}

/** Commits a second of clients that run a statement with one of the values each time, straight on PostgreSQL. */
async function commits(url, text, values, seconds) {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  const until = performance.now() + seconds * 1000;
  let count = 0;
  const run = async (client) => {
    while (performance.now() < until) {
      await client.query({ name: 'statement', text, values: [values[count++ % values.length]] });
    }
  };
  await Promise.all(clients.map(run));
  await Promise.all(clients.map((client) => client.end()));
  return count / seconds;
}

/** How a replica is read to see a change: the image, and the page of a list that has it. */
const READS = {
  image: { path: (id) => `/v2.1/images/${id}`, imageIn: ({ image }) => image },
  page: {
    path: () => PAGE,
    imageIn: ({ images }, id) => images.find((image) => image.id === id),
  },
};

/**
 * Milliseconds from the answer to a change by one replica until another one, which keeps a copy, was seen to serve
 * it: the time of a read is in it.
 */
async function delays(stage, url, { path, imageIn }, ids, token) {
  const [writer, reader] = await Promise.all([stage.startGlimpse(url), stage.startGlimpse(url)]);
  const headers = { 'x-auth-token': token };
  const seenBy = async (id) => {
    const answer = await fetch(reader.url + path(id), { headers });
    return imageIn(await answer.json(), id).metadata.seen;
  };
  const all = [];
  const change = async (id, client) => {
    for (let number = 0; number < CHANGES_SEEN / SEEN_AT_ONCE; number++) {
      const value = `${client} ${number}`;
      await seenBy(id);
      const answer = await fetch(`${writer.url}/v2.1/images/${id}/metadata/seen`, {
        method: 'PUT',
        headers,
        body: JSON.stringify({ meta: { seen: value } }),
      });
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
      const since = performance.now();
      while ((await seenBy(id)) !== value) assert(performance.now() - since < 5_000);
      all.push(performance.now() - since);
    }
  };
  try {
    await Promise.all(ids.map(change));
  } finally {
    await Promise.all([writer.stop(), reader.stop()]);
  }
  return all.sort((one, other) => one - other);
}

/** Ids of images of the caller's own project that the page has. */
async function idsInPage(stage, url, token) {
  const server = await stage.startGlimpse(url);
  try {
    const answer = await fetch(server.url + PAGE, { headers: { 'x-auth-token': token } });
    const { images } = await answer.json();
    return images.map(({ id }) => id);
  } finally {
    await server.stop();
  }
}

/** Commits a second with the triggers that notify, and the ratio to those without. */
async function costOfNotifications(stage, url, { text, triggers }, values, rounds) {
  const alter = (how) =>
    stage.query(url, `ALTER TABLE images ${triggers.map((name) => `${how} TRIGGER ${name}`).join(', ')}`);
  const ratios = [];
  const rates = [];
  for (let round = 0; round < rounds; round++) {
    await alter('DISABLE');
    const without = await commits(url, text, values, 1.5);
    await alter('ENABLE');
    rates.push(await commits(url, text, values, 1.5));
    ratios.push(rates.at(-1) / without);
  }
  return { ratio: median(ratios), rate: median(rates) };
}

export async function run(stage, { rounds }) {
  const { url } = await stage.catalogue(100_000);
  const ids = await stage.publicIds(url, 500);
  const token = stage.token('large');
  const requests = changes(ids, token);
  const of = await compare(
    {
      Glimpse: {
        start: () => stage.startGlimpse(url),
        async measure(server) {
          await closed(server, { requests, seconds: 1, connections: CLIENTS });
          const { failed, ...measured } = await closed(server, {
            requests,
            seconds: 3,
            connections: CLIENTS,
          });
          assert.equal(failed, 0);
          return measured;
        },
      },
    },
    Math.min(rounds, 3),
  );
  const seen = await delays(stage, url, READS.image, ids.slice(0, SEEN_AT_ONCE), token);
  const inPage = (await idsInPage(stage, url, token)).slice(0, SEEN_AT_ONCE);
  const seenInPage = await delays(stage, url, READS.page, inPage, token);
  const copy = await stage.copyOf(url, 'notifications');
  const cost = (statement, values) =>
    costOfNotifications(stage, copy, statement, values, Math.min(rounds, 3));
  const updates = await cost(STATEMENTS.updates, ids);
  const inserts = await cost(STATEMENTS.inserts, [PROJECTS.large]);
  return {
    figures: [
      {
        what: 'p99 from the answer to a change until another replica was seen to serve it',
        value: quantile(seen, 0.99),
        unit: 'ms',
        atMost: 50,
      },
      {
        what: 'the same of a page of a list that has the image',
        value: quantile(seenInPage, 0.99),
        unit: 'ms',
        atMost: 50,
      },
      {
        what: 'updates a second with the notifications of images and lists / without, sixteen clients on PostgreSQL',
        value: updates.ratio,
      },
      {
        what: 'inserts a second with the notification of lists / without, sixteen clients on PostgreSQL',
        value: inserts.ratio,
      },
    ],
    tables: [
      {
        columns: [
          `metadata changes, ${CLIENTS} clients`,
          'changes/s',
          'processor µs/change',
          'p50 ms',
          'p99 ms',
        ],
        lines: [
          ['Glimpse', ...['rate', 'cpu', 'p50', 'p99'].map((what) => shown(of('Glimpse', what).median))],
        ],
      },
      {
        columns: [`straight on PostgreSQL, with notifications, ${CLIENTS} clients`, 'commits/s'],
        lines: [
          ['updates', shown(updates.rate)],
          ['inserts', shown(inserts.rate)],
        ],
      },
    ],
  };
}
