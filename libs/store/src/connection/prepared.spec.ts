import { expect, it } from '@jest/globals';
import { namesOfPrepared } from './prepared.js';

const texts = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix} ${n}`);

it('names fifty statements, each always the same, and others not at all', () => {
  const nameOf = namesOfPrepared('list', () => 0);
  const names = texts('a', 50).map(nameOf);
  expect(new Set(names).size).toBe(50);
  expect(texts('a', 50).map(nameOf)).toEqual(names);
  nameOf('first of many');
  expect(texts('b', 50).map(nameOf)).toEqual(Array(50).fill(''));
});

it('lets a statement that is used again and again have the name of one that is not used any more', () => {
  let time = 0;
  const nameOf = namesOfPrepared('list', () => time);
  const names = new Set(texts('odd', 60).map(nameOf));
  for (; time < 60_000; time += 1_000) {
    expect(nameOf('odd 49')).toBe('list 49');
    nameOf('common');
  }
  const name = nameOf('common');
  expect(name).not.toBe('');
  expect(names).not.toContain(name);
});

it('gives two new names a minute at most, however many statements there are', () => {
  let time = 0;
  const nameOf = namesOfPrepared('list', () => time);
  const names = new Set<string>();
  for (; time < 10 * 60_000; time += 100) names.add(nameOf(`made up ${time}`));
  expect(names.size).toBeLessThanOrEqual(50 + 20 + 1);
});
