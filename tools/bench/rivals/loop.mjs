/** Reads by id in a loop, without any HTTP: prints reads a second. Arguments: kind, database, seconds, ids. */
import { reader } from './reads.mjs';

const [kind, database, seconds, ...ids] = process.argv.slice(2);
const read = reader(kind, database);

/** As many at once as there are connections. */
async function run(milliseconds) {
  const until = performance.now() + milliseconds;
  let count = 0;
  const one = async () => {
    while (performance.now() < until) await read(ids[count++ % ids.length]);
  };
  await Promise.all(Array.from({ length: 10 }, one));
  return count;
}

await run(500);
console.log(Math.round((await run(seconds * 1000)) / seconds));
process.exit(0);
