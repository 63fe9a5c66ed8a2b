import { describeWithSwift } from '@glimpse/data/testing';
import { afterAll, it } from '@jest/globals';
import { itSurvivesKills } from '../harness/data-kills.js';
import { amount } from '../harness/long.js';
import { Bucket } from './harness/bucket.js';

const MIB = 2 ** 20;
const isLong = amount(0, 1) > 0;

if (isLong) {
  await describeWithSwift('image data in a bucket during kills', (swift) => {
    const bucket = new Bucket(swift);
    afterAll(() => bucket.close());
    const settings = bucket.settings();
    const prefix = settings['GLIMPSE_DATA_OPTIONS_PREFIX']!;

    itSurvivesKills(
      'of two replicas, the database, the store, and the store together with a replica is whole or gone',
      {
        settings,
        // One in five has several parts.
        size: () => 1 + Math.floor(Math.random() * (Math.random() < 0.2 ? 20 : 3) * MIB),
        async keys() {
          const { objects, uploads } = await bucket.keys();
          // A Swift that was killed may list an upload that is complete.
          const keys = new Set([...objects, ...uploads]);
          return Array.from(keys, (key) => key.slice(prefix.length));
        },
        async kill() {
          swift.signal('SIGKILL');
          await swift.responds();
        },
      },
    );
  });
} else it.skip('image data in a bucket during kills (skipped: in long runs only)', () => undefined);
