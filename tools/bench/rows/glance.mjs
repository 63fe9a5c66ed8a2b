/**
 * The Image API beside a Glance: of a mirror of that Glance, with the same images, the same token, the same requests; and
 * of a catalogue of its own, whose images are created with the same request.
 */
import { shown } from '../numbers.mjs';
import { compareRates, createImages, openMirror, running, startOpenStack, tokenOf } from '../openstack.mjs';

export const name = 'glance';
export const title = 'Beside Glance';

const SHOW_AT_LEAST = 100;
const LIST_AT_LEAST = 10;
const HOT_LIST_AT_LEAST = 200;
const CREATE_AT_LEAST = 20;

const CREATE = [
  `POST /v2/images ${JSON.stringify({ name: 'created', disk_format: 'qcow2', container_format: 'bare' })}`,
];

export async function run(stage, { rounds }) {
  const cloud = await startOpenStack();
  if (!cloud) return { skipped: 'Debian’s packages keystone and glance-api are not installed' };
  let mirror;
  try {
    const token = await tokenOf(cloud, 'demo');
    const ids = await createImages(cloud, token);
    mirror = await openMirror(stage, cloud, token);
    const glance = running(cloud.glanceUrl);
    const options = { token, rounds };
    const of = await compareRates(
      stage,
      {
        Glance: glance,
        Glimpse: () => mirror.start('/v2'),
        'Glimpse, no cache': () => mirror.start('/v2', { GLIMPSE_CACHE_SIZE: '0' }),
      },
      { show: ids.map((id) => `GET /v2/images/${id}`), list: ['GET /v2/images?limit=25'] },
      options,
    );
    const own = await stage.database('instead_of_glance');
    const settings = { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0', ...cloud.people.glimpse.env };
    const created = await compareRates(
      stage,
      { Glance: glance, Glimpse: () => stage.startGlimpse(own, settings) },
      { rate: CREATE },
      options,
    );
    return {
      figures: [
        {
          what: 'show by the Image API of a mirror / the same by the Glance behind it',
          value: of('Glimpse', 'show').over('Glance'),
          atLeast: SHOW_AT_LEAST,
        },
        {
          what: 'its list of 25, from memory / the same by the Glance behind it',
          value: of('Glimpse', 'list').over('Glance'),
          atLeast: HOT_LIST_AT_LEAST,
        },
        {
          what: 'its list of 25, without a cache / the same by the Glance behind it',
          value: of('Glimpse, no cache', 'list').over('Glance'),
          atLeast: LIST_AT_LEAST,
        },
        {
          what: 'images created in a catalogue of its own / in Glance',
          value: created('Glimpse').over('Glance'),
          atLeast: CREATE_AT_LEAST,
        },
      ],
      tables: [
        {
          columns: ['requests/s', 'show', 'list of 25', 'create'],
          lines: ['Glance', 'Glimpse', 'Glimpse, no cache'].map((who) => [
            who === 'Glance' ? 'Debian’s Glance 25.1 with Keystone, one process, SQLite' : who,
            shown(of(who, 'show').median),
            shown(of(who, 'list').median),
            who === 'Glimpse, no cache' ? '' : shown(created(who).median),
          ]),
        },
      ],
    };
  } finally {
    await mirror?.stop();
    await cloud.stop();
  }
}
