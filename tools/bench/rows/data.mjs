/** Image data through the `file` store, beside the minimum that stores and hashes the same bytes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shown } from '../numbers.mjs';
import { compare } from '../rounds.mjs';
import { mibPerSecond, transfer } from '../transfer.mjs';
import { BESIDE, growth, newImage, pathOf, readsBeside, readsTable } from '../uploads.mjs';

export const name = 'data';
export const title = 'Image data in a folder';

const SIZE_MIB = 1_024;
/** As many uploads as a process receives at a time. */
const UPLOADS = 32;

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
      up: await mibPerSecond(SIZE_MIB, () =>
        transfer(server.url, { method: 'PUT', path, token, uploadMib: SIZE_MIB }),
      ),
      down: await mibPerSecond(SIZE_MIB, () => transfer(server.url, { method: 'GET', path, token })),
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
    const grown = await growth(server, token, UPLOADS);
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
        readsTable(reads),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
