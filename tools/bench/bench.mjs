#!/usr/bin/env node
/** `npm run bench`: measures the package beside what it could be, in one run. `--help` has the options. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readArguments, requireNumber } from '../command-line.mjs';
import { requireWrk } from './load.mjs';
import { leaveServerCore } from './processes.mjs';
import { printFigures, writeReport } from './report.mjs';
import { openStage } from './stage.mjs';
import * as changes from './rows/changes.mjs';
import * as data from './rows/data.mjs';
import * as dataMirror from './rows/data-mirror.mjs';
import * as dataS3 from './rows/data-s3.mjs';
import * as glance from './rows/glance.mjs';
import * as imageLists from './rows/image-lists.mjs';
import * as lists from './rows/lists.mjs';
import * as listsHot from './rows/lists-hot.mjs';
import * as memory from './rows/memory.mjs';
import * as mirror from './rows/mirror.mjs';
import * as nova from './rows/nova.mjs';
import * as showCold from './rows/show-cold.mjs';
import * as showHot from './rows/show-hot.mjs';
import * as sizes from './rows/sizes.mjs';
import * as start from './rows/start.mjs';

// What is changed was changed lately, and so found by changes-since: sizes come before changes.
const ROWS = [
  ...[showHot, listsHot, showCold, lists, sizes, imageLists],
  ...[changes, start, memory, data, dataS3, dataMirror, glance, nova, mirror],
];

const known = ROWS.map(({ name }) => name);
const HELP = `Usage: npm run bench -- [options]

Measures the package beside what it could be, and writes docs/benchmarks/.

  --only ROW   this row, or several of them, and no report: ${known.join(', ')}
  --node PATH  the Node to measure (this one)
  --rounds N   how often each figure is measured (3)
  --10m        lists of ten million images, too
  --soak       memory under ten minutes of load, too
  --mirror     the row mirror, too

Needs wrk.
`;
const { values } = readArguments(
  HELP,
  {
    options: {
      only: { type: 'string', multiple: true },
      node: { type: 'string', default: process.execPath },
      rounds: { type: 'string', default: '3' },
      '10m': { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      mirror: { type: 'boolean', default: false },
    },
  },
  ({ values: { only, rounds } }) => {
    const unknown = only?.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new Error(`--only is ${unknown}: rows are ${known.join(', ')}`);
    requireNumber('rounds', rounds);
  },
);
const rounds = Number(values.rounds);
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
