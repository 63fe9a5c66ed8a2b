#!/usr/bin/env node
/**
 * `npm run test:node`: a short form of the suites on the newer lines of Node, each run by that Node and so with
 * the service on it: what was recorded, what is no HTTP, the way past the routes, starting and stopping, memory.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LINES = ['24', '26'];
const SUITES = {
  'apps/images': ['startup/heap', 'http/server', 'compute/images/fast-reads'],
  'apps/images-e2e': ['compute/contract-replay', 'compute/bad-requests', 'operation/stopping'],
};
/** The time after which a run counts as hanging. */
const RUN_DEADLINE_MS = 300_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glimpse-nodes-'));

/** Where a line's program is; fetched for this run, for it is no dependency. */
const programOf = (line) => join(folder, `node_modules/node${line}/bin/node`);

function fetchNodes() {
  const packages = LINES.map((line) => `node${line}@npm:node-${process.platform}-${process.arch}@${line}`);
  const install = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
  const { status, stderr } = spawnSync('npm', install, { encoding: 'utf8', timeout: RUN_DEADLINE_MS });
  return status === 0 ? undefined : stderr.trim();
}

/** Whether the suites of a project hold on a Node. */
function holds(program, project, suites) {
  const specs = suites.map((suite) => join(root, project, 'src', `${suite}.spec.ts`));
  // Jest would run those that are there, and pass.
  const missing = specs.find((spec) => !existsSync(spec));
  if (missing) throw new Error(`there is no ${missing}`);
  const jest = [join(root, 'node_modules/jest/bin/jest.js'), '-c', `${project}/jest.config.mjs`];
  const { status } = spawnSync(
    program,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      ...jest,
      '--rootDir',
      project,
      '--runTestsByPath',
      ...specs,
    ],
    { cwd: root, stdio: 'inherit', timeout: RUN_DEADLINE_MS },
  );
  return status === 0;
}

try {
  const missing = fetchNodes();
  if (missing !== undefined) {
    console.log(
      `SKIPPED: Node ${LINES.join(' and ')} cannot be fetched, so nothing was tried on them\n${missing}`,
    );
  } else {
    const failed = LINES.filter((line) => {
      const program = programOf(line);
      console.log(`\n— Node ${spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
      // Each, also after one that failed.
      const held = Object.entries(SUITES).map(([project, suites]) => holds(program, project, suites));
      return held.includes(false);
    });
    if (failed.length > 0) console.log(`\nfailed on Node ${failed.join(' and ')}`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
