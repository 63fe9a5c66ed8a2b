/** Image data through the `s3` store, beside the SDK alone with the same Swift. */
import { shown } from '../numbers.mjs';
import { startSwift } from '../openstack.mjs';
import { compare } from '../rounds.mjs';
import { mibPerSecond, transfer } from '../transfer.mjs';
import { BESIDE, UPLOAD_MIB, growth, newImage, pathOf, readsBeside, readsTable } from '../uploads.mjs';

export const name = 'data-s3';
export const title = 'Image data in a bucket';

const SIZE_MIB = 1_024;
/** As many uploads as a process receives at a time. */
const UPLOADS = 8;
/** Three parts of 8 MiB, and what the SDK needs beside them. */
const MIB_AN_UPLOAD = 32;

async function request(url) {
  const { status } = await fetch(url);
  if (status !== 204) throw new Error(`${url}: ${status}`);
}

export async function run(stage, { rounds }) {
  const swift = await startSwift();
  if (!swift) return { skipped: 'Debian’s packages python3-swift and memcached are not installed' };
  try {
    const database = await stage.database('with_bucket');
    const token = stage.token('large');
    const settings = {
      ...{ GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_USE: 's3' },
      ...{ GLIMPSE_DATA_OPTIONS_BUCKET: swift.bucket, GLIMPSE_DATA_OPTIONS_REGION: swift.region },
      ...{ GLIMPSE_DATA_OPTIONS_ENDPOINT: swift.url },
      ...{ AWS_ACCESS_KEY_ID: swift.accessKey, AWS_SECRET_ACCESS_KEY: swift.secretKey },
    };
    const start = () => stage.startGlimpse(database, settings);
    const startSdk = (sizeMib) => stage.startRival('bucket', { ...swift, sizeMib });
    const of = await compare(
      {
        SDK: {
          start: () => startSdk(SIZE_MIB),
          measure: async ({ url }) => ({
            up: await mibPerSecond(SIZE_MIB, () => request(`${url}/up`)),
            down: await mibPerSecond(SIZE_MIB, () => request(`${url}/down`)),
          }),
        },
        Glimpse: {
          start,
          async measure({ url }) {
            const file = { path: pathOf(await newImage(url, token)), token };
            const put = { ...file, method: 'PUT', uploadMib: SIZE_MIB };
            return {
              up: await mibPerSecond(SIZE_MIB, () => transfer(url, put)),
              down: await mibPerSecond(SIZE_MIB, () => transfer(url, { ...file, method: 'GET' })),
            };
          },
        },
      },
      rounds,
    );
    const server = await start();
    const grown = await growth(server, token, UPLOADS);
    const sdk = await startSdk(UPLOAD_MIB);
    const reads = await readsBeside(server, token, () => request(`${sdk.url}/up`));
    await sdk.stop();
    await server.stop();
    return {
      figures: [
        ...['up', 'down'].map((direction) => ({
          what: `${direction}load of ${SIZE_MIB} MiB / the SDK alone`,
          value: of('Glimpse', direction).over('SDK'),
          atLeast: 0.8,
        })),
        {
          what: `memory of ${UPLOADS} uploads at once`,
          value: grown,
          unit: 'MiB',
          atMost: UPLOADS * MIB_AN_UPLOAD,
        },
        {
          what: `p99 of reads of an image beside ${BESIDE} uploads / without`,
          value: reads.busy / reads.idle,
          atMost: 3,
        },
        {
          what: `the same beside ${BESIDE} uploads / beside as many of the SDK alone, past the service`,
          value: reads.busy / reads.past,
        },
      ],
      tables: [
        {
          columns: ['MiB/s', 'up', 'down'],
          lines: ['Glimpse', 'SDK'].map((whose) => [
            whose,
            shown(of(whose, 'up').median),
            shown(of(whose, 'down').median),
          ]),
        },
        readsTable(reads),
      ],
    };
  } finally {
    await swift.stop();
  }
}
