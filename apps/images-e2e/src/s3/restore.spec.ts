import { describeWithSwift } from '@glimpse/data/testing';
import { afterAll } from '@jest/globals';
import { itSurvivesRestores, type RestoredStore } from '../harness/data-restores.js';
import { Bucket } from './harness/bucket.js';

await describeWithSwift('a database and a bucket of different times', (swift) => {
  const bucket = new Bucket(swift);
  afterAll(() => bucket.close());

  function behind(prefix: string): RestoredStore {
    return {
      settings: {
        ...bucket.settings(),
        GLIMPSE_DATA_OPTIONS_PREFIX: prefix,
        GLIMPSE_DATA_OPTIONS_TIMEOUT: '30',
      },
      async keys() {
        const { objects } = await bucket.keys();
        return objects.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
      },
      async copy() {
        await bucket.copy(prefix, 'copied/');
        return behind('copied/');
      },
    };
  }

  itSurvivesRestores('lose nothing by themselves, and work again once both are of one time', () =>
    behind('images/'),
  );
});
