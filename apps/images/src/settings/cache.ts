import { OneOf, WholeNumber } from '@glimpse/options';

export class CacheSettings {
  /** The most MiB of images that are kept; 0: none, and nothing listens. */
  @WholeNumber(0, 65_536)
  size = 64;
}

export class StaleSettings {
  /** The status of an answer from a copy, while the database cannot be asked. */
  @OneOf([203, 200])
  status: 200 | 203 = 203;

  /** Seconds since a copy was last known to be current, after which it is not served any more. */
  @WholeNumber(0, 86_400)
  limit = 300;
}
