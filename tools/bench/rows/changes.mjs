/** Changes of metadata, and what it costs PostgreSQL to tell the replicas of them. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { requestOf } from '../connection.mjs';
import { median, shown } from '../numbers.mjs';
import { closed } from '../load.mjs';
import { compare } from '../rounds.mjs';

export const name = 'changes';
export const title = 'Metadata changes';

const CLIENTS = 16;

/** Changes of one property each, of many images in turn. */
function changes(ids, token) {
  return Array.from({ length: 4_999 }, (_, number) =>
    requestOf(`/v2.1/images/${ids[number % ids.length]}/metadata/bench`, token, {
      method: 'PUT',
      body: JSON.stringify({ meta: { bench: `value ${number}` } }),
    }),
  );
}

/** Commits a second of clients that change an image each time, straight on PostgreSQL. */
async function commits(url, ids, seconds) {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  const until = performance.now() + seconds * 1000;
  let count = 0;
  const text = `UPDATE images SET version = nextval('images_version_seq') WHERE id = $1`;
  const change = async (client) => {
    while (performance.now() < until) {
      await client.query({ name: 'change', text, values: [ids[count++ % ids.length]] });
    }
  };
  await Promise.all(clients.map(change));
  await Promise.all(clients.map((client) => client.end()));
  return count / seconds;
}

/** With the triggers that notify, and without. */
async function costOfNotices(stage, url, ids, rounds) {
  const ratios = [];
  let withThem;
  for (let round = 0; round < rounds; round++) {
    await stage.query(url, 'ALTER TABLE images DISABLE TRIGGER USER');
    const without = await commits(url, ids, 1.5);
    await stage.query(url, 'ALTER TABLE images ENABLE TRIGGER USER');
    withThem = await commits(url, ids, 1.5);
    ratios.push(withThem / without);
  }
  return { ratio: median(ratios), rate: withThem };
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
  const notices = await costOfNotices(stage, url, ids, Math.min(rounds, 3));
  return {
    figures: [
      {
        what: 'commits a second with change notices / without, sixteen clients on PostgreSQL',
        value: notices.ratio,
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
        columns: ['straight on PostgreSQL, with notices', 'commits/s'],
        lines: [[`${CLIENTS} clients`, shown(notices.rate)]],
      },
    ],
  };
}
