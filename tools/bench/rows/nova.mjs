/** The Compute API of a mirror of a Glance beside a Nova in front of the same Glance: the same images, token and requests. */
import { shown } from '../numbers.mjs';
import { compareRates, createImages, openMirror, running, startOpenStack, tokenOf } from '../openstack.mjs';

export const name = 'nova';
export const title = 'Beside Nova';

const LIST_AT_LEAST = 200;

const LISTS = { brief: ['GET /v2.1/images?limit=25'], detail: ['GET /v2.1/images/detail?limit=25'] };

export async function run(stage, { rounds }) {
  const cloud = await startOpenStack('--nova');
  if (!cloud) return { skipped: 'Debian’s packages keystone, glance-api and nova-api are not installed' };
  let mirror;
  try {
    const token = await tokenOf(cloud, 'demo');
    const ids = await createImages(cloud, token);
    mirror = await openMirror(stage, cloud, token);
    const requests = { show: ids.map((id) => `GET /v2.1/images/${id}`), ...LISTS };
    const of = await compareRates(
      stage,
      { Nova: running(new URL(cloud.novaUrl).origin), Glimpse: () => mirror.start('/v2.1') },
      requests,
      { token, rounds },
    );
    return {
      figures: [
        { what: 'show by the Compute API of a mirror / by Nova', value: of('Glimpse', 'show').over('Nova') },
        ...Object.keys(LISTS).map((list) => ({
          what: `its ${list} list of 25, from memory / by Nova`,
          value: of('Glimpse', list).over('Nova'),
          atLeast: LIST_AT_LEAST,
        })),
      ],
      tables: [
        {
          columns: ['requests/s', 'show', 'brief list of 25', 'detail list of 25'],
          lines: ['Nova', 'Glimpse'].map((who) => [
            who === 'Nova' ? 'Debian’s Nova API 26.2 with Glance and Keystone, one process' : who,
            ...Object.keys(requests).map((what) => shown(of(who, what).median)),
          ]),
        },
      ],
    };
  } finally {
    await mirror?.stop();
    await cloud.stop();
  }
}
