import { describe, expect, it } from '@jest/globals';
import type { PendingChange } from '@glimpse/domain';
import { BeatWatch } from './beat-watch.js';

const CHANGE: PendingChange = { change: 7n, imageId: 'x', state: 'sent', beat: 0, projects: null };

/** The seconds at which a change counts as of a stopped replica, if its beats are read every second. */
function stoppedAt(beats: readonly (number | undefined)[], state: PendingChange['state'] = 'sent'): number[] {
  const watch = new BeatWatch();
  return beats.flatMap((beat, second) =>
    beat !== undefined && watch.stopped([{ ...CHANGE, state, beat }], second * 1_000).length > 0
      ? second
      : [],
  );
}

describe('a replica that sent a change', () => {
  it('has stopped when its beat has stood still for four seconds, and not when it counts up again', () => {
    expect(stoppedAt([0, 1, 2, 2, 2, 2, 2, 3])).toEqual([6]);
  });

  it('has not stopped while it beats late', () => {
    expect(stoppedAt([0, 0, 0, 0, 1, 1, 1, 1, 2])).toEqual([]);
  });

  it('has not stopped because its beats could not be read for a while', () => {
    const out = [undefined, undefined, undefined, undefined];
    expect(stoppedAt([0, 0, ...out, 0, 0, 0, 0, 0])).toEqual([10]);
  });

  it('is not watched once the response has come', () => {
    expect(stoppedAt([0, 0, 0, 0, 0, 0], 'answered')).toEqual([]);
  });
});
