/** Image data through the `file` store, beside the minimum that stores and hashes the same bytes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { requestOf } from '../connection.mjs';
import { createImage } from '../images.mjs';
import { steady } from '../load.mjs';
import { shown } from '../numbers.mjs';
import { compare } from '../rounds.mjs';
import { transfer } from '../transfer.mjs';

export const name = 'data';
export const title = 'Image data in a folder';

const SIZE_MIB = 1_024;
/** As many uploads as a process receives at a time. */
const UPLOADS = 32;
const UPLOAD_MIB = 64;
const READS_PER_S = 200;
const READS_S = 10;
/** Uploads beside which images are read. */
const BESIDE = 4;

const newImage = (url, token) => createImage(url, token, { name: 'data', disk_format: 'raw' });

async function mibPerSecond(run) {
  const began = performance.now();
  await run();
  return (SIZE_MIB / (performance.now() - began)) * 1000;
}

const pathOf = (id) => `/v2/images/${id}/file`;

/** The most memory that a process ever had, in MiB. */
function peakOf({ pid }) {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

/** MiB by which the process grows while it receives as many uploads as it can, beyond what as many empty ones need. */
async function growth(server, token) {
  const uploadAll = async (uploadMib) => {
    const ids = await Promise.all(Array.from({ length: UPLOADS }, () => newImage(server.url, token)));
    await Promise.all(
      ids.map((id) => transfer(server.url, { method: 'PUT', path: pathOf(id), token, uploadMib })),
    );
  };
  await uploadAll(0);
  const before = peakOf(server);
  await uploadAll(UPLOAD_MIB);
  return peakOf(server) - before;
}

/** p99 of reads of an image beside uploads / without them. */
async function readsBeside(server, token) {
  const id = await newImage(server.url, token);
  const requests = [requestOf(`/v2/images/${id}`, token)];
  const read = async () => {
    const { p99, failed } = await steady(server.url, {
      ...{ requests, rate: READS_PER_S, seconds: READS_S, warmUp: 1, connections: 8 },
    });
    if (failed > 0) throw new Error(`${failed} reads failed`);
    return p99;
  };
  const idle = await read();
  let ended = false;
  const uploads = Array.from({ length: BESIDE }, async () => {
    while (!ended) {
      const path = pathOf(await newImage(server.url, token));
      await transfer(server.url, { method: 'PUT', path, token, uploadMib: UPLOAD_MIB });
    }
  });
  const busy = await read();
  ended = true;
  await Promise.all(uploads);
  return { idle, busy };
}

export async function run(stage, { rounds }) {
  const folder = mkdtempSync(join(stage.folder, 'data-'));
  const url = await stage.database('with_data');
  const token = stage.token('large');
  const start = () =>
    stage.startGlimpse(url, {
      ...{ GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_USE: 'file' },
      GLIMPSE_DATA_OPTIONS_PATH: join(folder, 'images'),
    });
  const measured = (pathFor) => async (server) => {
    const path = await pathFor(server);
    return {
      up: await mibPerSecond(() => transfer(server.url, { method: 'PUT', path, token, uploadMib: SIZE_MIB })),
      down: await mibPerSecond(() => transfer(server.url, { method: 'GET', path, token })),
    };
  };
  try {
    const of = await compare(
      {
        bare: {
          start: () => stage.startRival('store', { folder }),
          measure: measured(async () => '/object'),
        },
        Glimpse: { start, measure: measured(async ({ url }) => pathOf(await newImage(url, token))) },
      },
      rounds,
    );
    const server = await start();
    const grown = await growth(server, token);
    const reads = await readsBeside(server, token);
    await server.stop();
    return {
      figures: [
        { what: 'upload of 1 GiB / a bare server', value: of('Glimpse', 'up').over('bare'), atLeast: 0.7 },
        {
          what: 'download of 1 GiB / a bare server',
          value: of('Glimpse', 'down').over('bare'),
          atLeast: 0.7,
        },
        { what: `memory of ${UPLOADS} uploads at once`, value: grown, unit: 'MiB', atMost: 64 },
        {
          what: `p99 of reads of an image beside ${BESIDE} uploads / without`,
          value: reads.busy / reads.idle,
          atMost: 3,
        },
      ],
      tables: [
        {
          columns: ['1 GiB, MiB/s', 'up', 'down'],
          lines: ['Glimpse', 'bare'].map((whose) => [
            whose === 'bare' ? 'bare server, with MD5 and SHA-512' : whose,
            shown(of(whose, 'up').median),
            shown(of(whose, 'down').median),
          ]),
        },
        {
          columns: [`reads of an image, ${READS_PER_S}/s`, 'p99 ms'],
          lines: [
            ['alone', shown(reads.idle)],
            [`beside ${BESIDE} uploads`, shown(reads.busy)],
          ],
        },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
