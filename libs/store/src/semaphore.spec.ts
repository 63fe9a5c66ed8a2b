import { CatalogueBusy } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import { Semaphore } from './semaphore.js';

/** Work that runs until it is ended. */
function work(): { run: () => Promise<string>; end: () => void; begun: () => boolean } {
  let end!: () => void;
  let begun = false;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { run: () => ((begun = true), ended.then(() => 'done')), end, begun: () => begun };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('lets so many run at a time, and the next one when one has ended, in the order they came', async () => {
    const semaphore = new Semaphore({ permits: 2, queueTimeoutMs: 60_000 });
    const works = [work(), work(), work(), work()];
    const begun = (): boolean[] => works.map((one) => one.begun());
    const runs = works.map(({ run }) => semaphore.run(run));
    await settled();
    expect(begun()).toEqual([true, true, false, false]);
    works[1]!.end();
    await settled();
    expect(begun()).toEqual([true, true, true, false]);
    for (const { end } of works) end();
    expect(await Promise.all(runs)).toEqual(Array(4).fill('done'));
  });

  it('gives one key but its part, and the key with the fewest running the next permit', async () => {
    const semaphore = new Semaphore({ permits: 3, permitsPerKey: 2, queueTimeoutMs: 60_000 });
    const greedy = [work(), work(), work(), work()];
    const other = [work(), work()];
    const runs = greedy.map(({ run }) => semaphore.run(run, 'greedy'));
    await settled();
    expect(greedy.map((one) => one.begun())).toEqual([true, true, false, false]);
    runs.push(...other.map(({ run }) => semaphore.run(run, 'other')));
    await settled();
    expect(other.map((one) => one.begun())).toEqual([true, false]);
    greedy[0]!.end();
    await settled();
    expect(greedy[2]!.begun()).toBe(true);
    other[0]!.end();
    await settled();
    expect(other[1]!.begun()).toBe(true);
    for (const { end } of [...greedy, ...other]) end();
    await Promise.all(runs);
    expect(await semaphore.run(() => Promise.resolve('done'), 'greedy')).toBe('done');
  });

  it('is left by work that fails', async () => {
    const semaphore = new Semaphore({ permits: 1, queueTimeoutMs: 60_000 });
    await expect(semaphore.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await semaphore.run(() => Promise.resolve('done'))).toBe('done');
  });

  it('refuses what waits too long, and keeps no permit for it', async () => {
    const semaphore = new Semaphore({ permits: 1, queueTimeoutMs: 20 });
    const first = work();
    const running = semaphore.run(first.run);
    const second = work();
    await expect(semaphore.run(second.run)).rejects.toThrow(CatalogueBusy);
    first.end();
    await running;
    expect(second.begun()).toBe(false);
    expect(await semaphore.run(() => Promise.resolve('done'))).toBe('done');
  });
});
