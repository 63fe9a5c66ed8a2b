/** The same reads on catalogues of different sizes, in turns. */
import { requestOf } from './connection.mjs';
import { quantile } from './numbers.mjs';

/** How often each read is done, and for how long at most, in milliseconds. */
const TIMES = 60;
const MAX_DURATION_MS = 1_500;

/** Measures each read on all catalogues in turn. @returns p50 by catalogue, NaN where a response was not 200 */
export async function measureRead(catalogues, { as, path }, tokens) {
  const times = catalogues.map(() => []);
  const failed = catalogues.map(() => false);
  const requests = (place, time) => requestOf(path(place, time), tokens[as]);
  const until = performance.now() + MAX_DURATION_MS * catalogues.length;
  for (let time = -3; time < TIMES && (time < 3 || performance.now() < until); time++) {
    for (const [at, { connection, places }] of catalogues.entries()) {
      if (failed[at]) continue;
      const { status, ms } = await connection.request(requests(places, time + 3));
      if (status !== 200) failed[at] = true;
      // During the first few, PostgreSQL plans the query and fills its caches.
      else if (time >= 0) times[at].push(ms);
    }
  }
  return times.map((all, at) => {
    if (failed[at]) return NaN;
    return quantile(
      all.sort((one, other) => one - other),
      0.5,
    );
  });
}
