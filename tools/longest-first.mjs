import TestSequencer from '@jest/test-sequencer';

/** Seconds of the slowest spec files, as CI prints them. One that starts last leaves the other cores idle. */
const SECONDS = {
  'libraries/consumers': 120,
  'operation/command': 80,
  'operation/embedded': 70,
  'image/openstackclient': 50,
  'operation/data-check': 40,
  'lists/plans': 40,
  'operation/data-kills': 40,
  'operation/stopping': 40,
  'mirror/src/changes/changes': 37,
  'compute/keystone-tokens': 35,
  'embedded/index': 35,
  'image/data': 35,
  'operation/migrate-killed': 30,
  'mirror/src/mirror': 28,
  'operation/deploy': 27,
  'libraries/plugin-authors': 26,
  'compute/plugin-faults': 25,
  'lists/list-query': 25,
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
