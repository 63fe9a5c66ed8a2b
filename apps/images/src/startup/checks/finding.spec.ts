import { expect, it } from '@jest/globals';
import { clockFinding } from './finding.js';

it.each([
  [0.2, 'ok', 'agrees'],
  [-4.9, 'ok', 'agrees'],
  [61, 'warning', '61.0 s ahead of the one here'],
  [-7.25, 'warning', '7.3 s behind the one here'],
])('a clock that is %d s ahead is %s', (ahead, state, text) => {
  expect(clockFinding('database clock', ahead)).toMatchObject({
    state,
    text: expect.stringContaining(text),
  });
});
