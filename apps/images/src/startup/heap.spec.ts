import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { transformFileSync } from '@swc/core';

/** Says for how many MiB of new objects there is room after work, after a rest, and after work again. */
const PROGRAM = `
import { getHeapSpaceStatistics } from 'node:v8';
import { setImmediate, setTimeout } from 'node:timers/promises';
function room() {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return Math.ceil((space.space_used_size + space.space_available_size) / 2 ** 20);
}
async function work() {
  for (let kept, turn = 0; turn < 100; turn++) {
    kept = Array.from({ length: 10_000 }, (_, value) => ({ value, kept: String(value) }));
    await setImmediate();
  }
  return room();
}
async function rest() {
  await setTimeout(6_000);
  gc();
  gc();
  return room();
}
console.log(JSON.stringify([await work(), await rest(), await work()]));
`;

/** What the program says where new objects have that bound in MiB, or none of ours. */
async function rooms(bound?: number): Promise<[worked: number, rested: number, workedAgain: number]> {
  const { code } = transformFileSync(fileURLToPath(new URL('heap.ts', import.meta.url)), {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  const heap = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  const bounding = bound
    ? `import { limitYoungGeneration } from '${heap}'; limitYoungGeneration(${bound * 2 ** 20});`
    : '';
  const args = ['--expose-gc', '--input-type=module', '-e', bounding + PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof rooms>>;
}

test('new objects get as much room as they may have, and again after a rest in which V8 took it away', async () => {
  const [[worked, rested, workedAgain], [unbound]] = await Promise.all([rooms(4), rooms()]);
  expect(worked).toBe(4);
  expect(rested).toBeLessThan(4);
  expect(workedAgain).toBe(4);
  expect(unbound).toBeGreaterThan(4);
}, 30_000);
