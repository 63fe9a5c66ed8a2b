import { describe, expect, it } from '@jest/globals';
import { ChangeQueue } from './change-queue.js';

describe('the changes of an image', () => {
  it('run one after the other, whatever the case of its id and the result of those before', async () => {
    const queue = new ChangeQueue();
    const log: string[] = [];
    const change =
      (name: string, fails = false) =>
      async (): Promise<string> => {
        log.push(`${name} begins`);
        await Promise.resolve();
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const results = await Promise.allSettled([
      queue.run('id', change('first', true)),
      queue.run('ID', change('second')),
      queue.run('id', change('third')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(log).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('do not wait for those of another image', async () => {
    const queue = new ChangeQueue();
    let end = (): void => undefined;
    const slow = queue.run('one', () => new Promise<void>((resolve) => (end = resolve)));
    expect(await queue.run('other', () => Promise.resolve('made'))).toBe('made');
    end();
    await slow;
  });
});
