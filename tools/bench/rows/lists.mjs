/** Pages of a tenant's list, brief and in detail. */
import { StoredImageLister } from '@glimpse/store';
import { PROJECTS } from '../catalogue.mjs';
import { peak } from '../load.mjs';
import { shown } from '../numbers.mjs';
import { compare } from '../rounds.mjs';

export const name = 'lists';
export const title = 'Lists';

/** A project that owns some images, and sees them between public ones. */
const PROJECT = 'few';
const LISTS = {
  'brief list of 25': { path: '/v2.1/images?limit=25', connections: 16 },
  'detail list of 25': { path: '/v2.1/images/detail?limit=25', connections: 16 },
  'brief list of 1,000': { path: '/v2.1/images?limit=1000', connections: 4 },
  'detail list of 1,000': { path: '/v2.1/images/detail?limit=1000', connections: 4 },
};
const COMPARED = 'detail list of 25';

/** The query that the service itself sends for the list that is compared. */
async function queryOfList() {
  const queries = [];
  const pool = {
    options: { max: 1 },
    async query(query, values) {
      queries.push(typeof query === 'string' ? { text: query, values } : query);
      return { rows: [] };
    },
  };
  const lister = new StoredImageLister({ pool, prepares: true });
  await lister.images({ limit: 25 }, { project: PROJECTS[PROJECT], admin: false });
  return queries[0];
}

export async function run(stage, { rounds }) {
  const { url } = await stage.catalogue(100_000);
  const token = stage.token(PROJECT);
  const query = await queryOfList();
  const load = (server, { path, connections }, seconds) =>
    peak(server, { folder: stage.folder, requests: [`GET ${path}`], token, seconds, connections });
  const of = await compare(
    {
      'bare Fastify': {
        start: () => stage.startRival('fastify', { read: 'query', database: url, query }),
        async measure(server) {
          const list = { path: '/v2.1/images/list', connections: 16 };
          await load(server, list, 1);
          return load(server, list, 2);
        },
      },
      Glimpse: {
        start: () => stage.startGlimpse(url),
        async measure(server) {
          const all = {};
          // All before any: none is to pay for compiling what they share.
          for (const list of Object.values(LISTS)) await load(server, list, 1);
          for (const [what, list] of Object.entries(LISTS)) {
            const { rate, cpu } = await load(server, list, 2);
            Object.assign(all, { [what]: rate, [`${what} cpu`]: cpu });
          }
          return all;
        },
      },
    },
    Math.min(rounds, 3),
  );
  const lines = Object.keys(LISTS).map((what) => [
    what,
    shown(of('Glimpse', what).median),
    shown(of('Glimpse', `${what} cpu`).median),
  ]);
  const bare = [`bare Fastify, the query of the ${COMPARED} with pg and JSON.stringify`];
  return {
    figures: [
      {
        what: 'detail list of 25 / bare Fastify with the same one query, pg and JSON.stringify',
        value: of('Glimpse', COMPARED).over('bare Fastify', 'rate'),
        atLeast: 0.6,
      },
    ],
    tables: [
      {
        columns: ['', 'requests/s', 'processor µs/request'],
        lines: [
          [...bare, shown(of('bare Fastify').median), shown(of('bare Fastify', 'cpu').median)],
          ...lines,
        ],
      },
    ],
  };
}
