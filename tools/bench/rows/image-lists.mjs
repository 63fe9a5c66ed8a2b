/** Lists of the Image API on catalogues of very different sizes, and its other orders on one of a hundred thousand. */
import { PROJECTS } from '../catalogue.mjs';
import { Connection } from '../connection.mjs';
import { measureRead } from '../growth.mjs';
import { shown } from '../numbers.mjs';

export const name = 'image-lists';
export const title = 'Lists of the Image API';

const LIST = '/v2/images';
/** The size on which other orders are measured, whose cost grows with what the caller sees. */
const SORTED_SIZE = 100_000;
const AT_MOST = 1.5;

/** The lists in the default order, and the caller of each. */
const LISTS = [
  { what: 'default list, no own images', as: 'none', path: () => LIST },
  { what: 'default list, few own images', as: 'few', path: () => LIST },
  { what: 'default list, 200,000 own images', as: 'large', path: () => LIST },
  { what: 'default list, 50,000 shares', as: 'member', path: () => LIST },
  { what: 'default list, an administrator', as: 'admin', path: () => LIST },
  { what: 'os_hidden=true', as: 'few', path: () => `${LIST}?os_hidden=true` },
  { what: 'visibility=all', as: 'few', path: () => `${LIST}?visibility=all` },
];

/** The other orders: an administrator sees nearly all of a catalogue. */
const ORDERS = [
  'sort=created_at:asc',
  'sort=name:asc',
  'sort=size:desc',
  'sort=status:asc,name:desc',
  'sort=updated_at:desc',
  'sort=name:asc&tag=none',
  'sort=name:asc&limit=1000',
].map((query) => ({ what: query, as: 'admin', path: () => `${LIST}?${query}` }));

export async function run(stage, { sizes }) {
  const catalogues = [];
  const tokens = Object.fromEntries(Object.keys(PROJECTS).map((project) => [project, stage.token(project)]));
  tokens.admin = stage.token('none', ['admin']);
  try {
    for (const size of new Set([...sizes, SORTED_SIZE])) {
      const { url } = await stage.catalogue(size);
      const settings = { GLIMPSE_CACHE_SIZE: '0', GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0' };
      catalogues.push({ size, places: {}, server: await stage.startGlimpse(url, settings) });
    }
    for (const catalogue of catalogues) catalogue.connection = await Connection.open(catalogue.server.url);
    // Warm machine code, before anything counts.
    for (const list of LISTS) await measureRead(catalogues, list, tokens);
    const lists = [];
    for (const list of LISTS) lists.push({ ...list, p50: await measureRead(catalogues, list, tokens) });
    const sorted = catalogues.filter(({ size }) => size === SORTED_SIZE);
    const orders = [];
    for (const order of ORDERS) orders.push({ ...order, p50: await measureRead(sorted, order, tokens) });
    return report(
      lists,
      orders,
      catalogues.map(({ size }) => size),
    );
  } finally {
    for (const { server, connection } of catalogues) {
      connection?.close();
      await server.stop();
    }
  }
}

const cell = (ms) => (Number.isNaN(ms) ? 'not answered' : shown(ms));

function report(lists, orders, sizes) {
  const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)];
  const growth = (p50) => p50[sizes.indexOf(largest)] / p50[sizes.indexOf(smallest)];
  const growths = lists.map(({ p50 }) => growth(p50));
  const slowest = Math.max(...orders.map(({ p50: [ms] }) => ms));
  return {
    figures: [
      {
        what: `worst p50 of lists of the Image API at ${shown(largest)} images / the same at ${shown(smallest)}`,
        value: growths.some(Number.isNaN) ? NaN : Math.max(...growths),
        atMost: AT_MOST,
      },
      {
        what: `slowest p50 of its other orders at ${shown(SORTED_SIZE)} images`,
        value: slowest,
        unit: 'ms',
      },
    ],
    tables: [
      {
        columns: ['p50 in ms at so many images', ...sizes.map(shown), 'growth', 'target'],
        lines: lists.map(({ what, p50 }) => [what, ...p50.map(cell), shown(growth(p50)), `≤ ${AT_MOST}`]),
      },
      {
        columns: ['an administrator, in other orders', `p50 in ms at ${shown(SORTED_SIZE)}`],
        lines: orders.map(({ what, p50: [ms] }) => [what, cell(ms)]),
      },
    ],
  };
}
