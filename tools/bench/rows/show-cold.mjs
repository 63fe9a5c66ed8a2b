/** One image by id, out of the database each time: what each layer between it and the client costs, with many concurrent clients and with one. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { peak } from '../load.mjs';
import { median, shown } from '../numbers.mjs';
import { pinned } from '../processes.mjs';
import { compare } from '../rounds.mjs';

export const name = 'show-cold';
export const title = 'Show, cold';

const LOOP = fileURLToPath(new URL('../rivals/loop.mjs', import.meta.url));

/** Reads a second without any HTTP. */
async function loop(stage, kind, url, ids, rounds) {
  const rates = [];
  for (let round = 0; round < rounds; round++) {
    const [program, ...args] = pinned([stage.node, LOOP, kind, url, '1', ...ids]);
    const { stdout } = await promisify(execFile)(program, args);
    rates.push(Number(stdout));
  }
  return median(rates);
}

export async function run(stage, { rounds }) {
  const { url } = await stage.catalogue(100_000);
  const ids = await stage.publicIds(url, 1_000);
  const token = stage.token('none');
  const requests = ids.map((id) => `GET /v2.1/images/${id}`);
  const contestant = (start) => ({
    start,
    async measure(server) {
      const load = (seconds, connections) =>
        peak(server, { folder: stage.folder, requests, token, seconds, connections });
      await load(2, 32);
      const many = await load(2, 32);
      const { rate, cpu } = await load(1, 1);
      return { ...many, oneRate: rate, oneCpu: cpu };
    },
  });
  const rival = (kind, read) => contestant(() => stage.startRival(kind, { read, database: url, token }));
  const of = await compare(
    {
      'Fastify, pg': rival('fastify', 'pg'),
      'Nest, pg': rival('nest', 'pg'),
      'Fastify, Prisma': rival('fastify', 'prisma'),
      'Fastify, catalogue': rival('fastify', 'catalogue'),
      Glimpse: contestant(() => stage.startGlimpse(url, { GLIMPSE_CACHE_SIZE: '0' })),
    },
    Math.min(rounds, 3),
  );
  const some = ids.slice(0, 100);
  const pgAlone = await loop(stage, 'pg', url, some, Math.min(rounds, 3));
  const prismaAlone = await loop(stage, 'prisma', url, some, Math.min(rounds, 3));
  const catalogueAlone = await loop(stage, 'catalogue', url, some, Math.min(rounds, 3));

  const cpu = (who) => of(who, 'cpu').median;
  const ratio = (who) => of(who).over('Fastify, pg');
  const prisma = cpu('Fastify, catalogue') - cpu('Fastify, pg');
  const nest = cpu('Nest, pg') - cpu('Fastify, pg');
  const ours = cpu('Glimpse') - cpu('Fastify, pg') - prisma - nest;
  const line = (label, who) => [
    label,
    ...[of(who).median, cpu(who), ratio(who)].map(shown),
    ...[of(who, 'oneRate').median, of(who, 'oneCpu').median, of(who, 'oneRate').over('Fastify, pg')].map(
      shown,
    ),
  ];
  return {
    figures: [
      {
        what: 'show, cold, through Prisma Client / bare Fastify with one prepared pg query',
        value: ratio('Glimpse'),
        atLeast: 0.4,
      },
      {
        what: 'the same, were a named statement for each in the place of Prisma Client (estimated from processor time)',
        value: cpu('Fastify, pg') / (cpu('Glimpse') - prisma),
      },
    ],
    tables: [
      {
        columns: [
          ...['', 'requests/s', 'processor µs/request', 'ratio'],
          ...['one at a time: requests/s', 'processor µs/request', 'ratio'],
        ],
        lines: [
          line('bare Fastify, one prepared pg query', 'Fastify, pg'),
          line('plain Nest, one prepared pg query', 'Nest, pg'),
          line('bare Fastify, Prisma Client, a query for each', 'Fastify, Prisma'),
          line('bare Fastify, the catalogue: Prisma Client, a query for all at a time', 'Fastify, catalogue'),
          line('Glimpse, cache off', 'Glimpse'),
        ],
      },
      {
        columns: ['what a layer costs', 'processor µs/request'],
        lines: [
          ['Fastify, pg and the connection', shown(cpu('Fastify, pg'))],
          ['Nest', shown(nest)],
          ['the catalogue: Prisma Client, a query for all at a time', shown(prisma)],
          ['Glimpse: token, policy, view, ETag, ids, metrics', shown(ours)],
        ],
      },
      {
        columns: ['without any HTTP, ten at once', 'reads/s'],
        lines: [
          ['pg, one prepared query by primary key', shown(pgAlone)],
          ['Prisma Client, a query for each', shown(prismaAlone)],
          ['the catalogue: Prisma Client, a query for all at a time', shown(catalogueAlone)],
        ],
      },
    ],
  };
}
