import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../harness/packages.js';

/** The tools of contributors that take options. */
const TOOLS = ['api', 'bench/bench', 'container', 'openstack', 'pack', 'package', 'swift'];

describe.each(TOOLS)('tools/%s.mjs', (tool) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'tools', `${tool}.mjs`), ...args], {
      encoding: 'utf8',
      timeout: 60_000,
    });

  it('prints its help', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage: /), stderr: '' });
  });

  it('names an option that it does not have, and does nothing', () => {
    expect(run('--bogus')).toMatchObject({
      ...{ status: 2, stdout: '' },
      stderr: "Unknown option '--bogus'; --help lists what there is\n",
    });
  });
});
