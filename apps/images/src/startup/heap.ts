import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Growth of the old generation, in percent, that starts a collection; V8's default lets it double. */
const OLD_GROWTH_PERCENT = 30;

/**
 * The same while image data passes. V8 adds the buffers of its chunks to the growth, though it frees them with the young
 * generation: at 30 % every 24 MiB of data cost a collection of the whole heap, a third of an upload's processor time.
 */
const OLD_GROWTH_WITH_DATA_PERCENT = 100;

/** Size of V8's young generation; V8 reserves twice as much memory. */
const MAX_YOUNG_BYTES = 16 * 2 ** 20;

/**
 * Caps V8's young generation. V8 sizes it by the machine's memory, and shrinks it while the process is idle; when load
 * returns, collections of a small one cost a lot until it has grown. The growth factor, which V8 reads at each
 * collection, is set so that one growth step reaches the cap.
 */
export function limitYoungGeneration(maxBytes = MAX_YOUNG_BYTES): void {
  limitOldGrowth();
  let factor: number | undefined;
  const bound = (): void => {
    const next = Math.max(1, Math.floor(maxBytes / youngBytes()));
    if (next !== factor) setFlagsFromString(`--semi-space-growth-factor=${next}`);
    factor = next;
  };
  bound();
  new PerformanceObserver(bound).observe({ entryTypes: ['gc'] });
}

/** Caps the growth of V8's old generation. @param withData whether image data passes */
export function limitOldGrowth(withData = false): void {
  const percent = withData ? OLD_GROWTH_WITH_DATA_PERCENT : OLD_GROWTH_PERCENT;
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}

/** The present size of the young generation. The memory that V8 has reserved for it varies, and is no measure. */
function youngBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!;
  return space.space_used_size + space.space_available_size;
}
