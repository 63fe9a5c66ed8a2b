import TestSequencer from '@jest/test-sequencer';

/** Seconds of the slowest spec files, as CI prints them. One that starts last leaves the other cores idle. */
const SECONDS = {
  's3/second-store': 106,
  'embedded/index': 76,
  'keystone/authenticator': 59,
  's3/s3-store': 58,
  'operation/command': 54,
  'lists/plans': 45,
  'libraries/consumers': 42,
  'mirror/src/changes/changes': 42,
  'lists/list-query': 38,
  'operation/odd-source': 36,
  'mirror/src/mirror': 35,
  'operation/embedded': 32,
  'operation/data-check': 31,
  'operation/npm-start': 26,
  'operation/data-kills': 25,
  'images/fast-reads': 25,
};

function secondsOf({ path }) {
  return Object.entries(SECONDS).find(([name]) => path.endsWith(`${name}.spec.ts`))?.[1] ?? 0;
}

/** Runs the slowest spec files first. Jest does so by itself only where it has the times of an earlier run. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    return super.sort([...tests]).sort((one, other) => secondsOf(other) - secondsOf(one));
  }
}
