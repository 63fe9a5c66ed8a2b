/** From exec to ready, on a database that exists. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shown } from '../numbers.mjs';
import { compare } from '../rounds.mjs';

export const name = 'start';
export const title = 'Start';

/** Documents for an import, and how many there are. */
const IMPORTED = 20_000;
function documents() {
  const images = Array.from({ length: IMPORTED }, (_, number) => ({
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    name: `image ${number}`,
    status: 'active',
    visibility: 'public',
    owner: 'a'.repeat(32),
    size: number * 1024,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-02T00:00:00Z',
    architecture: 'x86_64',
    os_distro: 'debian',
  }));
  return JSON.stringify({ images });
}

async function importRate(stage) {
  const url = await stage.database('imported');
  const file = join(stage.folder, 'documents.json');
  writeFileSync(file, documents());
  const [program, ...args] = stage.command();
  const began = performance.now();
  execFileSync(program, [...args, 'import', file], {
    env: { PATH: process.env.PATH, DATABASE_URL: url },
    stdio: 'ignore',
  });
  return IMPORTED / ((performance.now() - began) / 1000);
}

export async function run(stage, { rounds, sizes }) {
  const { url } = await stage.catalogue(100_000);
  const contestant = (of) => {
    let began;
    return {
      async start() {
        began = performance.now();
        return stage.startGlimpse(url, {}, of);
      },
      measure: async (server) => ({
        ms: performance.now() - began,
        cpu: server.cpu() * 1000,
        rss: server.rss(),
      }),
    };
  };
  const of = await compare(
    { package: contestant('package'), build: contestant('build') },
    Math.max(rounds, 3),
  );
  const million = sizes.includes(1_000_000) ? await stage.catalogue(1_000_000) : undefined;
  const line = (label, which) => [
    label,
    ...['ms', 'cpu', 'rss'].map((what) => shown(of(which, what).median)),
  ];
  return {
    figures: [
      { what: 'from exec to ready', value: of('package', 'ms').median / 1000, unit: 's', atMost: 1 },
      ...(million
        ? [{ what: 'loading a million images in SQL', value: million.seconds, unit: 's', atMost: 60 }]
        : []),
    ],
    tables: [
      {
        columns: ['', 'ready after ms', 'processor ms', 'MiB'],
        lines: [line('package', 'package'), line('build, not bundled', 'build')],
      },
      {
        columns: ['glimpse import, from the start of the command to its end', 'images/s'],
        lines: [[`${shown(IMPORTED)} documents`, shown(await importRate(stage))]],
      },
    ],
  };
}
