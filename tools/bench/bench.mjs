#!/usr/bin/env node
/**
 * `npm run bench`: measures the package beside what it could be, in one run, and writes docs/benchmarks/.
 *
 *     npm run bench -- [--only ROW] [--node PATH] [--rounds N] [--10m] [--soak] [--mirror]
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { requireWrk } from './load.mjs';
import { leaveServerCore } from './processes.mjs';
import { printFigures, writeReport } from './report.mjs';
import { openStage } from './stage.mjs';
import * as changes from './rows/changes.mjs';
import * as data from './rows/data.mjs';
import * as dataS3 from './rows/data-s3.mjs';
import * as glance from './rows/glance.mjs';
import * as imageLists from './rows/image-lists.mjs';
import * as lists from './rows/lists.mjs';
import * as listsHot from './rows/lists-hot.mjs';
import * as memory from './rows/memory.mjs';
import * as mirror from './rows/mirror.mjs';
import * as showCold from './rows/show-cold.mjs';
import * as showHot from './rows/show-hot.mjs';
import * as sizes from './rows/sizes.mjs';
import * as start from './rows/start.mjs';

// What is changed was changed lately, and so found by changes-since: sizes come before changes.
const ROWS = [
  ...[showHot, listsHot, showCold, lists, sizes, imageLists],
  ...[changes, start, memory, data, dataS3, glance, mirror],
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    node: { type: 'string', default: process.execPath },
    rounds: { type: 'string', default: '3' },
    '10m': { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    mirror: { type: 'boolean', default: false },
  },
});
const known = ROWS.map(({ name }) => name);
const unknown = values.only?.find((name) => !known.includes(name));
if (unknown)
  throw new Error(`--only = ${JSON.stringify(unknown)} is not allowed: rows are ${known.join(', ')}`);
const rounds = Number(values.rounds);
if (!(rounds >= 1)) throw new Error(`--rounds = ${JSON.stringify(values.rounds)} is not allowed: 1 or more`);
const options = {
  rounds,
  sizes: [1_000, 100_000, 1_000_000, ...(values['10m'] ? [10_000_000] : [])],
  soak: values.soak,
};

requireWrk();
leaveServerCore();
const version = execFileSync(values.node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
const began = performance.now();
const stage = await openStage(values.node, version);
const stopped = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));

async function measure() {
  const results = [];
  const selected = ({ name }) => values.only?.includes(name) ?? (name !== mirror.name || values.mirror);
  for (const row of ROWS.filter(selected)) {
    const since = performance.now();
    process.stderr.write(`— ${row.title} …`);
    // One that cannot run says why, and the others go on.
    const result = await row.run(stage, options).catch((error) => ({ failed: error.message.trim() }));
    process.stderr.write(` ${Math.round((performance.now() - since) / 1000)} s\n`);
    results.push({ name: row.name, title: row.title, ...result });
  }
  return results;
}

try {
  const results = await Promise.race([measure(), stopped.then(() => undefined)]);
  if (results) {
    const minutes = (performance.now() - began) / 60_000;
    printFigures(results);
    // A part of the rows is no report.
    if (!values.only) writeReport(results, { version, minutes, options });
    if (results.some(({ failed }) => failed)) process.exitCode = 1;
  } else {
    process.exitCode = 1;
  }
} finally {
  await stage.close();
  process.exit();
}
