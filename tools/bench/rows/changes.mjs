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

/**
 * Milliseconds from the answer to a change by one replica until another one, which keeps a copy, was seen to serve
 * it: the time of a read is in it.
 */
async function delays(stage, url, ids, token) {
  const [writer, reader] = await Promise.all([stage.startGlimpse(url), stage.startGlimpse(url)]);
  const headers = { 'x-auth-token': token };
  const read = async (id) => (await fetch(`${reader.url}/v2.1/images/${id}`, { headers })).json();
  const all = [];
  const change = async (id, client) => {
    for (let number = 0; number < CHANGES_SEEN / SEEN_AT_ONCE; number++) {
      const value = `${client} ${number}`;
      await read(id);
      const answer = await fetch(`${writer.url}/v2.1/images/${id}/metadata/seen`, {
        method: 'PUT',
        headers,
        body: JSON.stringify({ meta: { seen: value } }),
      });
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
      const since = performance.now();
      while ((await read(id)).image.metadata.seen !== value) assert(performance.now() - since < 5_000);
      all.push(performance.now() - since);
    }
  };
  try {
    await Promise.all(ids.slice(0, SEEN_AT_ONCE).map(change));
  } finally {
    await Promise.all([writer.stop(), reader.stop()]);
  }
  return all.sort((one, other) => one - other);
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
  const requests = changes(ids, stage.token('large'));
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
  const seen = await delays(stage, url, ids, stage.token('large'));
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
