import { CatalogueBusy } from '@glimpse/domain';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ComposedPage } from './list-documents.js';
import { ListLimit } from './list-limit.js';

const MIB = 2 ** 20;

let now: number;
let limit: ListLimit;
beforeEach(() => {
  now = 0;
  limit = new ListLimit({ poolSize: 10, queueTimeoutMs: 60_000, now: () => now });
});

const pageOf = (bytes: number): ComposedPage => ({
  document: { bytes: Buffer.alloc(bytes), tag: '' },
  age: undefined,
});

/** Pages whose composition ends when `end` is called; `running` has the projects of those that have begun. */
function pages(): {
  running: string[];
  compose: (project: string, bytes: number) => Promise<ComposedPage>;
  end: (project: string) => Promise<void>;
} {
  const running: string[] = [];
  const ends: [project: string, end: () => void][] = [];
  const compose = (project: string, bytes: number): Promise<ComposedPage> =>
    limit.run(project, async () => {
      running.push(project);
      await new Promise<void>((resolve) => ends.push([project, resolve]));
      running.splice(running.indexOf(project), 1);
      return pageOf(bytes);
    });
  const end = async (project: string): Promise<void> => {
    const [[, resolve]] = ends.splice(
      ends.findIndex(([each]) => each === project),
      1,
    ) as [(typeof ends)[number]];
    resolve();
    await new Promise(setImmediate);
  };
  return { running, compose, end };
}

const composeOne = (project: string, bytes: number): Promise<ComposedPage> =>
  limit.run(project, async () => pageOf(bytes));

describe('large pages', () => {
  it('of a project are composed one after another, once there was one', async () => {
    await composeOne('a', 4 * MIB);
    const { running, compose, end } = pages();
    const both = [compose('a', 4 * MIB), compose('a', 4 * MIB)];
    expect(running).toEqual(['a']);
    await end('a');
    expect(running).toEqual(['a']);
    await end('a');
    expect(await Promise.all(both)).toHaveLength(2);
  });

  it('of a project are composed one after another, also by requests that waited for the first', async () => {
    const { running, compose, end } = pages();
    for (let request = 0; request < 8; request++) void compose('a', 4 * MIB);
    const counts: number[] = [];
    for (let ended = 0; ended < 7; ended++) {
      counts.push(running.length);
      await end('a');
    }
    // From the first end on, one of those that waited runs beside those that began with it.
    expect(counts).toEqual([4, 4, 3, 2, 1, 1, 1]);
  });

  it('are composed two at a time, and do not delay the lists of projects that have none', async () => {
    for (const project of ['a', 'b', 'c']) await composeOne(project, 4 * MIB);
    await composeOne('small', MIB - 1);
    const { running, compose } = pages();
    for (const project of ['a', 'b', 'c', 'small', 'small']) void compose(project, 0);
    expect(running).toEqual(['a', 'b', 'small', 'small']);
  });

  it('are expected for ten seconds after the last one', async () => {
    await composeOne('a', 4 * MIB);
    now = 9_000;
    await composeOne('a', 4 * MIB);
    now = 19_000;
    const { running, compose } = pages();
    for (const project of ['a', 'a']) void compose(project, 0);
    expect(running).toEqual(['a']);
    now = 19_001;
    void compose('a', 0);
    expect(running).toEqual(['a', 'a']);
  });

  it('are refused when they wait too long', async () => {
    limit = new ListLimit({ poolSize: 10, queueTimeoutMs: 1 });
    await composeOne('a', 4 * MIB);
    const { compose } = pages();
    void compose('a', 0);
    await expect(compose('a', 0)).rejects.toThrow(CatalogueBusy);
  });

  it('that fail leave their turn to the next', async () => {
    await composeOne('a', 4 * MIB);
    await expect(limit.run('a', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(await composeOne('a', 0)).toEqual(pageOf(0));
  });
});
