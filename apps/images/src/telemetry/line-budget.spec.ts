import { describe, expect, it } from '@jest/globals';
import { LineBudget } from './line-budget.js';

describe('a budget of lines', () => {
  it('allows a number each second, and reports with the next one how many were omitted', () => {
    let now = 100;
    const budget = new LineBudget(2, () => now);
    expect([budget.spend(), budget.spend(), budget.spend(), budget.spend()]).toEqual([
      0,
      0,
      undefined,
      undefined,
    ]);
    now += 0.9;
    expect(budget.spend()).toBeUndefined();
    now += 0.2;
    expect([budget.spend(), budget.spend(), budget.spend()]).toEqual([3, 0, undefined]);
  });
});
