/** Image data through a mirror, beside the same transfers with the Glance behind it. */
import { shown } from '../numbers.mjs';
import { openMirror, running, startGlance, tokenOf } from '../openstack.mjs';
import { compare } from '../rounds.mjs';
import { mibPerSecond, transfer } from '../transfer.mjs';
import { newImage, pathOf, peakOf } from '../uploads.mjs';

export const name = 'data-mirror';
export const title = 'Image data through a mirror';

const SIZE_MIB = 2_048;
/** An upload before, by which the process has all that it needs for one of any size. */
const FIRST_MIB = 16;

export async function run(stage, { rounds }) {
  const cloud = await startGlance();
  if (!cloud) return { skipped: 'Debian’s packages keystone and glance-api are not installed' };
  let mirror;
  try {
    const token = await tokenOf(cloud, 'demo');
    mirror = await openMirror(stage, cloud, token, 0);
    const upload = async (server, mib) => {
      const path = pathOf(await newImage(server.url, token));
      await transfer(server.url, { method: 'PUT', path, token, uploadMib: mib });
      return path;
    };
    const remove = async ({ url }, path) => {
      const headers = { 'x-auth-token': token };
      const { status } = await fetch(url + path.replace(/\/file$/, ''), { method: 'DELETE', headers });
      if (status !== 204) throw new Error(`DELETE ${path}: ${status}`);
    };
    const measure = async (server) => {
      await remove(server, await upload(server, FIRST_MIB));
      const before = server.pid && peakOf(server);
      let path;
      const up = await mibPerSecond(SIZE_MIB, async () => (path = await upload(server, SIZE_MIB)));
      const down = await mibPerSecond(SIZE_MIB, () => transfer(server.url, { method: 'GET', path, token }));
      const grown = server.pid && peakOf(server) - before;
      await remove(server, path);
      return { up, down, grown };
    };
    const of = await compare(
      {
        Glance: { start: running(cloud.glanceUrl), measure },
        Glimpse: { start: () => mirror.start('/v2'), measure },
      },
      Math.min(rounds, 2),
    );
    const over = (what) => of('Glimpse', what).over('Glance');
    return {
      figures: [
        {
          what: 'upload of 2 GiB through a mirror / to the Glance behind it',
          value: over('up'),
          atLeast: 0.8,
        },
        { what: 'download of it / from the Glance', value: over('down'), atLeast: 0.3 },
        { what: 'memory of both', value: Math.max(...of('Glimpse', 'grown').all), unit: 'MiB', atMost: 64 },
      ],
      tables: [
        {
          columns: ['2 GiB, MiB/s', 'up', 'down'],
          lines: ['Glance', 'Glimpse'].map((who) => [
            who,
            ...['up', 'down'].map((what) => shown(of(who, what).median)),
          ]),
        },
      ],
    };
  } finally {
    await mirror?.stop();
    await cloud.stop();
  }
}
