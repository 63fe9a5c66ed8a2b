import { OneOf, WholeNumber } from '@glimpse/options';

export class CacheSettings {
  /** The most MiB of images that are cached; 0: no cache, and no listening connection. */
  @WholeNumber(0, 65_536)
  size = 64;
}

export class StaleSettings {
  /** The status of a response from a stale copy, while the database is unavailable. */
  @OneOf([203, 200])
  status: 200 | 203 = 203;

  /** Seconds since a copy was last known to be current, beyond which it is not served. */
  @WholeNumber(0, 86_400)
  limit = 300;
}
