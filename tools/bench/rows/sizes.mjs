/** The same reads on catalogues of very different sizes: how flat they are. */
import { CHANGED, PROJECTS } from '../catalogue.mjs';
import { Connection } from '../connection.mjs';
import { measureRead } from '../growth.mjs';
import { shown } from '../numbers.mjs';

export const name = 'sizes';
export const title = 'Catalogue size';

const LIST = '/v2.1/images/detail?limit=25';
/** The reads, and the caller of each. `path` gets the ids of this catalogue. */
const READS = [
  { what: 'show', as: 'none', path: ({ ids }, time) => `/v2.1/images/${ids[time % ids.length]}` },
  { what: 'page 1, no own images', as: 'none', path: () => LIST },
  { what: 'page 1, few own images', as: 'few', path: () => LIST },
  { what: 'page 1, 200,000 own images', as: 'large', path: () => LIST },
  { what: 'page 1, 50,000 shares', as: 'member', path: () => LIST },
  { what: 'a page in the middle', as: 'few', path: ({ middle }) => `${LIST}&marker=${middle}` },
  { what: 'name=, frequent', as: 'few', path: () => `${LIST}&name=ubuntu-24.04` },
  { what: 'name=, rare', as: 'few', path: () => `${LIST}&name=rare%20needle` },
  { what: 'status=, frequent', as: 'few', path: () => `${LIST}&status=ACTIVE` },
  { what: 'status=, rare', as: 'few', path: () => `${LIST}&status=importing` },
  { what: 'server=', as: 'few', path: ({ server }) => `${LIST}&server=${server}` },
  { what: 'type=', as: 'few', path: () => `${LIST}&type=snapshot` },
  { what: 'changes-since=', as: 'few', path: () => `${LIST}&changes-since=${CHANGED}` },
  { what: 'minRam=, frequent', as: 'few', path: () => `${LIST}&minRam=512` },
  { what: 'minRam=, rare', as: 'few', path: () => `${LIST}&minRam=777` },
  { what: 'minDisk=, frequent', as: 'few', path: () => `${LIST}&minDisk=20` },
  { what: 'minDisk=, rare', as: 'few', path: () => `${LIST}&minDisk=77` },
  { what: 'property-=, frequent', as: 'few', path: () => `${LIST}&property-architecture=aarch64` },
  { what: 'property-=, one in 200', as: 'few', path: () => `${LIST}&property-release=r7` },
  { what: 'property-=, rare', as: 'few', path: () => `${LIST}&property-rare=needle` },
  { what: 'property-=, on old images only', as: 'few', path: () => `${LIST}&property-era=old` },
  { what: 'visibility=private', as: 'few', path: () => `${LIST}&visibility=private` },
  { what: 'visibility=community', as: 'few', path: () => `${LIST}&visibility=community` },
  { what: 'search=, frequent', as: 'few', path: () => `${LIST}&search=ubuntu`, atMost: 3 },
  { what: 'search=, rare', as: 'few', path: () => `${LIST}&search=needle`, atMost: 3 },
];
const AT_MOST = 1.5;

/** Two common filters that no image fulfils together, so that no index finds the result. */
const FAR = {
  what: 'property-= and search=, common but never together',
  as: 'few',
  path: () => `${LIST}&property-os_distro=debian&search=ubuntu`,
  atMost: null,
};

/** The ids of a catalogue that reads need. */
async function placesOf(stage, url, count) {
  const ids = await stage.publicIds(url, 100);
  const [middle] = await stage.query(
    url,
    `SELECT id FROM images WHERE visibility = 'public' AND NOT hidden AND deleted_at IS NULL
     ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT 1`,
    [Math.floor((count * 0.29) / 2)],
  );
  const [snapshot] = await stage.query(
    url,
    `SELECT properties->>'instance_uuid' AS server FROM images
     WHERE owner = $1 AND properties ? 'instance_uuid' AND NOT hidden AND deleted_at IS NULL LIMIT 1`,
    [PROJECTS.few],
  );
  return { ids, middle: middle.id, server: snapshot?.server ?? '11111111-1111-4111-8111-111111111111' };
}

export async function run(stage, { sizes }) {
  const catalogues = [];
  const tokens = Object.fromEntries(Object.keys(PROJECTS).map((project) => [project, stage.token(project)]));
  try {
    for (const size of sizes) {
      const { url } = await stage.catalogue(size);
      const places = await placesOf(stage, url, size);
      const server = await stage.startGlimpse(url, { GLIMPSE_CACHE_SIZE: '0' });
      catalogues.push({ size, places, server });
    }
    // Not before all of them are running: an idle connection is closed after some seconds.
    for (const catalogue of catalogues) catalogue.connection = await Connection.open(catalogue.server.url);
    // Warm machine code, before anything counts.
    for (const read of READS.slice(0, 6)) await measureRead(catalogues, read, tokens);
    const results = [];
    for (const read of [...READS, FAR])
      results.push({ ...read, p50: await measureRead(catalogues, read, tokens) });
    return report(results, sizes);
  } finally {
    for (const { server, connection } of catalogues) {
      connection?.close();
      await server.stop();
    }
  }
}

function report(results, sizes) {
  const growth = (p50) => p50.at(-1) / p50[0];
  const worst = (some) => {
    const all = some.map(({ p50 }) => growth(p50));
    return all.some(Number.isNaN) ? NaN : Math.max(...all);
  };
  const largest = shown(sizes.at(-1));
  const searches = results.filter(({ atMost }) => atMost);
  const others = results.filter(({ atMost }) => atMost === undefined);
  const far = results.filter(({ atMost }) => atMost === null);
  return {
    figures: [
      {
        what: `worst p50 of show, lists and filters at ${largest} images / the same at ${shown(sizes[0])}`,
        value: worst(others),
        atMost: AT_MOST,
      },
      { what: `the same of search=`, value: worst(searches), atMost: 3 },
      { what: `the same of a common property and a common part of names, never together`, value: worst(far) },
    ],
    tables: [
      {
        columns: ['p50 in ms at so many images', ...sizes.map(shown), 'growth', 'target'],
        lines: results.map(({ what, p50, atMost = AT_MOST }) => [
          what,
          ...p50.map((ms) => (Number.isNaN(ms) ? 'not answered' : shown(ms))),
          shown(growth(p50)),
          atMost === null ? '' : `≤ ${atMost}`,
        ]),
      },
    ],
    plots: [
      {
        title: 'p50 by catalogue size',
        x: { label: 'images', log: true },
        y: { label: 'ms', log: true },
        series: Object.fromEntries(
          results
            .filter(({ what }) =>
              /^(show|page 1, few|a page|name=, rare|property-=, rare|search=, freq)/.test(what),
            )
            .map(({ what, p50 }) => [what, sizes.map((size, at) => [size, p50[at]])]),
        ),
      },
    ],
  };
}
