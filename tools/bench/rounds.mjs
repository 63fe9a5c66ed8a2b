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
    // The order is reversed from round to round.
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
  return readerOf(measured);
}

/**
 * The same, but all run at once and are measured in short turns, each in a fresh process per round: on a machine that
 * others share, what one gets in ten seconds says little of what the next will get.
 *
 * @param {Record<string, {start: () => Promise<object>, warmUp: (server: object) => Promise<unknown>, measure: (server: object) => Promise<Record<string, number>>}>} contestants
 * @param {number} turns how often each is measured in a round; `over` is the median of the ratios within each turn
 */
export async function compareInTurns(contestants, rounds, turns) {
  const names = Object.keys(contestants);
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const servers = {};
    try {
      for (const name of names) servers[name] = await contestants[name].start();
      for (const name of names) await contestants[name].warmUp(servers[name]);
      for (let turn = 0; turn < turns; turn++) {
        for (const name of turn % 2 ? [...names].reverse() : names) {
          measured[name].push(await contestants[name].measure(servers[name]));
        }
      }
    } finally {
      for (const server of Object.values(servers)) await server.stop();
    }
  }
  return readerOf(measured);
}

function readerOf(measured) {
  return (name, what = 'rate') => {
    const all = measured[name].map((values) => values[what]);
    return {
      all,
      median: median(all),
      over: (other, whose = what) => median(all.map((value, round) => value / measured[other][round][whose])),
    };
  };
}
