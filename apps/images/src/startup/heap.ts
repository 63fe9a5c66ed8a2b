import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** By how many hundredths what is kept may grow until it is collected again; by itself V8 lets it double. */
const GROWTH = 30;

/** Bytes of new objects that may be until they are collected; V8 takes twice the room. */
const MOST_NEW = 16 * 2 ** 20;

/**
 * Tells V8 how to keep house. By itself it gives new objects up to twice as much room where the machine has memory to
 * spare, and makes it small when there is little to do. With little room they are collected every other millisecond
 * under load, so it has to grow again: by a factor that V8 reads each time, such that one step leads to the bound.
 *
 * @param most bytes of new objects
 */
export function boundHeap(most = MOST_NEW): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
  let factor: number | undefined;
  const bound = (): void => {
    const now = Math.max(1, Math.floor(most / roomForNew()));
    if (now !== factor) setFlagsFromString(`--semi-space-growth-factor=${now}`);
    factor = now;
  };
  bound();
  new PerformanceObserver(bound).observe({ entryTypes: ['gc'] });
}

/** Bytes of new objects that V8 has room for at present. What it has reserved for them says less: that varies. */
function roomForNew(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!;
  return space.space_used_size + space.space_available_size;
}
