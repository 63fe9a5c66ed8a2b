import { CatalogueBusy } from '@glimpse/domain';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Semaphore } from '../semaphore.js';
import { LargePages } from './large-pages.js';

const MIB = 2 ** 20;
const QUEUE_TIMEOUT_MS = 60_000;

let now: number;
let pages: LargePages;
let lists: Semaphore;
beforeEach(() => {
  now = 0;
  pages = new LargePages(QUEUE_TIMEOUT_MS, () => now);
  lists = new Semaphore({ permits: 7, permitsPerKey: 4, queueTimeoutMs: QUEUE_TIMEOUT_MS });
});

/** Reads pages that end when `end` is called; `running` has the projects of those that have begun. */
function reads(): {
  running: string[];
  read: (project: string, bytes: number) => Promise<string[]>;
  end: (project: string) => Promise<void>;
} {
  const running: string[] = [];
  const ends: [project: string, end: () => void][] = [];
  const read = (project: string, bytes: number): Promise<string[]> =>
    pages.run(project, lists, async () => {
      running.push(project);
      await new Promise<void>((resolve) => ends.push([project, resolve]));
      running.splice(running.indexOf(project), 1);
      return [[project], bytes];
    });
  const end = async (project: string): Promise<void> => {
    const [[, resolve]] = ends.splice(
      ends.findIndex(([each]) => each === project),
      1,
    ) as [(typeof ends)[number]];
    resolve();
    await new Promise(setImmediate);
  };
  return { running, read, end };
}

const readOne = (project: string, bytes: number): Promise<string[]> =>
  pages.run(project, lists, async () => [[project], bytes]);

describe('large pages', () => {
  it('of a project are read one after another, once one was read', async () => {
    await readOne('a', 4 * MIB);
    const { running, read, end } = reads();
    const both = [read('a', 4 * MIB), read('a', 4 * MIB)];
    expect(running).toEqual(['a']);
    await end('a');
    expect(running).toEqual(['a']);
    await end('a');
    expect(await Promise.all(both)).toEqual([['a'], ['a']]);
  });

  it('of a project are read one after another, also by requests that waited while the first was read', async () => {
    const { running, read, end } = reads();
    for (let request = 0; request < 8; request++) void read('a', 4 * MIB);
    const counts: number[] = [];
    for (let ended = 0; ended < 7; ended++) {
      counts.push(running.length);
      await end('a');
    }
    // From the first end on, one of those that waited runs beside those that began with it.
    expect(counts).toEqual([4, 4, 3, 2, 1, 1, 1]);
  });

  it('are read two at a time, and do not delay the lists of projects that have none', async () => {
    for (const project of ['a', 'b', 'c']) await readOne(project, 4 * MIB);
    await readOne('small', MIB - 1);
    const { running, read } = reads();
    for (const project of ['a', 'b', 'c', 'small', 'small']) void read(project, 0);
    expect(running).toEqual(['a', 'b', 'small', 'small']);
  });

  it('are expected for ten seconds after the last one', async () => {
    await readOne('a', 4 * MIB);
    now = 9_000;
    await readOne('a', 4 * MIB);
    now = 19_000;
    const { running, read } = reads();
    for (const project of ['a', 'a']) void read(project, 0);
    expect(running).toEqual(['a']);
    now = 19_001;
    void read('a', 0);
    expect(running).toEqual(['a', 'a']);
  });

  it('are refused when they wait too long', async () => {
    pages = new LargePages(1, () => now);
    await readOne('a', 4 * MIB);
    const { read } = reads();
    void read('a', 0);
    await expect(read('a', 0)).rejects.toThrow(CatalogueBusy);
  });

  it('that fail leave their turn to the next', async () => {
    await readOne('a', 4 * MIB);
    await expect(pages.run('a', lists, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(await readOne('a', 0)).toEqual(['a']);
  });
});
