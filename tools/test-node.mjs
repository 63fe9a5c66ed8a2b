#!/usr/bin/env node
/**
 * `npm run test:node`: a short form of the suites on the newer lines of Node, each run by that Node and so with
 * the service on it: what was recorded, what is no HTTP, the way past the routes, starting and stopping, memory.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchPackages } from './fetch-packages.mjs';

/** The container's, and with `GLIMPSE_LONG` the newest one, too. */
const LINES = process.env.GLIMPSE_LONG ? ['24', '26'] : ['24'];
const SUITES = {
  'apps/images': ['http/server', 'compute/images/fast-reads', 'image/images/fast-reads'],
  'apps/images-e2e': [
    ...['compute/contract-replay', 'image/contract-replay', 'image/changes-replay'],
    ...['compute/bad-requests', 'operation/stopping'],
  ],
};
/** The time after which a run counts as hanging. */
const RUN_DEADLINE_MS = 300_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glimpse-nodes-'));

/** Where a line's program is; fetched for this run, for it is no dependency. */
const programOf = (line) => join(folder, `node_modules/node${line}/bin/node`);

function fetchNodes() {
  const { platform, arch } = process;
  return fetchPackages(
    folder,
    LINES.map((line) => `node${line}@npm:node-${platform}-${arch}@${line}`),
  );
}

/** Runs the suites of a project on a Node. @returns whether they hold, and what was printed */
async function runSuites(program, project, suites) {
  const specs = suites.map((suite) => join(root, project, 'src', `${suite}.spec.ts`));
  // Jest would run those that are there, and pass.
  const missing = specs.find((spec) => !existsSync(spec));
  if (missing) throw new Error(`there is no ${missing}`);
  const jest = [join(root, 'node_modules/jest/bin/jest.js'), '-c', `${project}/jest.config.mjs`];
  const args = ['--experimental-vm-modules', '--no-warnings', ...jest];
  const run = spawn(program, [...args, '--rootDir', project, '--runTestsByPath', ...specs], {
    ...{ cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_DEADLINE_MS },
  });
  const printed = [];
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk) => printed.push(chunk));
  const [code] = await once(run, 'close');
  return { holds: code === 0, printed: Buffer.concat(printed).toString() };
}

/** Runs all suites on a line of Node, also after some that failed, and prints what they printed. */
async function holdsOn(line) {
  const program = programOf(line);
  const runs = [];
  for (const [project, suites] of Object.entries(SUITES))
    runs.push(await runSuites(program, project, suites));
  const { stdout: version } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  console.log(`\n— Node ${version.trim()}\n${runs.map(({ printed }) => printed).join('')}`);
  return runs.every(({ holds }) => holds);
}

try {
  const missing = fetchNodes();
  if (missing !== undefined) {
    console.log(
      `SKIPPED: Node ${LINES.join(' and ')} cannot be fetched, so nothing was tried on them\n${missing}`,
    );
  } else {
    // The lines side by side: their suites mostly wait.
    const held = await Promise.all(LINES.map(holdsOn));
    const failed = LINES.filter((_, at) => !held[at]);
    if (failed.length > 0) console.log(`\nfailed on Node ${failed.join(' and ')}`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
