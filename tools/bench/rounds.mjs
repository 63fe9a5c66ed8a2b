/** Contestants side by side: in every round each gets a fresh process, for one process's luck is worth a tenth. */
import { median } from './numbers.mjs';

/**
 * @param {Record<string, {start: () => Promise<object>, measure: (server: object) => Promise<Record<string, number>>}>} contestants
 *   by name; what is measured is by name, too
 * @returns {Promise<(name: string, what?: string) => {median: number, all: number[], over: (other: string) => number}>}
 *   `over`: the median of the ratios within each round
 */
export async function compare(contestants, rounds) {
  const names = Object.keys(contestants);
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in one round comes last in the next.
    for (const name of round % 2 ? [...names].reverse() : names) {
      const { start, measure } = contestants[name];
      const server = await start();
      try {
        measured[name].push(await measure(server));
      } finally {
        await server.stop();
      }
    }
  }
  return (name, what = 'rate') => {
    const all = measured[name].map((values) => values[what]);
    return {
      all,
      median: median(all),
      over: (other, whose = what) => median(all.map((value, round) => value / measured[other][round][whose])),
    };
  };
}
