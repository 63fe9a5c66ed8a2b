/** The least processor time that a measurement counts, in milliseconds. */
const FLOOR_MS = 0.1;

/** Milliseconds of processor time, whatever else the machine does: the best of three. */
function processorTime(work: () => void): number {
  const times = [1, 2, 3].map(() => {
    const from = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1000;
  });
  return Math.max(Math.min(...times), FLOOR_MS);
}

/**
 * How many times as much processor time some work takes at the larger of two sizes.
 *
 * @example
 * // Ten times the size: about ten times the time, where quadratic time would be a hundred.
 * expect(growth((length) => parse('x'.repeat(length)), 10_000, 100_000)).toBeLessThan(50);
 */
export function growth(work: (size: number) => void, small: number, large: number): number {
  work(small);
  return processorTime(() => work(large)) / processorTime(() => work(small));
}
