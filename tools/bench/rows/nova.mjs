/** The Compute API of a mirror of a Glance beside a Nova in front of the same Glance: the same images, token and requests. */
import { peak } from '../load.mjs';
import { shown } from '../numbers.mjs';
import { createImages, openMirror, startOpenStack, tokenOf } from '../openstack.mjs';
import { compareInTurns } from '../rounds.mjs';

export const name = 'nova';
export const title = 'Beside Nova';

const LIST_AT_LEAST = 200;
const WARM_UP_S = 3;
const TURN_S = 3;
const TURNS = 3;
/** As many as make Nova's one process busy: with more its requests only wait. */
const CONNECTIONS = 16;

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
    const load = (server, what, seconds) =>
      peak(server, {
        ...{ folder: stage.folder, token, seconds, connections: CONNECTIONS },
        requests: requests[what],
      });
    const contestant = (start) => ({
      start,
      async warmUp(server) {
        for (const what of Object.keys(requests)) await load(server, what, WARM_UP_S);
      },
      async measure(server) {
        const rates = {};
        for (const what of Object.keys(requests)) rates[what] = (await load(server, what, TURN_S)).rate;
        return rates;
      },
    });
    const nova = { url: new URL(cloud.novaUrl).origin, cpu: () => NaN, stop: async () => undefined };
    const of = await compareInTurns(
      { Nova: contestant(async () => nova), Glimpse: contestant(() => mirror.start('/v2.1')) },
      Math.min(rounds, 2),
      TURNS,
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
