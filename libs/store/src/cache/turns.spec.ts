import { describe, expect, it } from '@jest/globals';
import { NoTurn, Turns } from './turns.js';

/** Work that goes on until it is told to end. */
function work(): { run: () => Promise<string>; end: () => void; begun: () => boolean } {
  let end!: () => void;
  let begun = false;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { run: () => ((begun = true), ended.then(() => 'done')), end, begun: () => begun };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('let so many work at a time, and the next one in when one has ended, in the order they came', async () => {
    const turns = new Turns(2, 60_000);
    const works = [work(), work(), work(), work()];
    const begun = (): boolean[] => works.map((one) => one.begun());
    const runs = works.map(({ run }) => turns.run(run));
    await settled();
    expect(begun()).toEqual([true, true, false, false]);
    works[1]!.end();
    await settled();
    expect(begun()).toEqual([true, true, true, false]);
    for (const { end } of works) end();
    expect(await Promise.all(runs)).toEqual(Array(4).fill('done'));
  });

  it('are given back by work that fails', async () => {
    const turns = new Turns(1, 60_000);
    await expect(turns.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await turns.run(() => Promise.resolve('done'))).toBe('done');
  });

  it('are not waited for longer than the patience, and then not used up', async () => {
    const turns = new Turns(1, 20);
    const first = work();
    const running = turns.run(first.run);
    const second = work();
    await expect(turns.run(second.run)).rejects.toThrow(NoTurn);
    first.end();
    await running;
    expect(second.begun()).toBe(false);
    expect(await turns.run(() => Promise.resolve('done'))).toBe('done');
  });
});
