import { HttpUrl, OneOf, Optional, Text, WholeNumber } from '@glimpse/options';

/** Glance's URL, and limits. All times are in seconds. */
export class GlanceOptions {
  /** Glance's URL, with or without `/v2`; unset: the image endpoint of Keystone's catalog. */
  @Optional()
  @HttpUrl()
  url?: string;

  /** Which of the catalog's image endpoints. */
  @OneOf(['public', 'internal', 'admin'])
  interface: 'public' | 'internal' | 'admin' = 'public';

  /** The region of that endpoint; unset: that of the first one in the catalog. */
  @Optional()
  @Text()
  region?: string;

  /** The authorities, as PEM text, that must sign Glance's certificate; unset: the usual ones. */
  @Optional()
  @Text()
  ca?: string;

  /** The role that makes the service's user an administrator to Glance: its `context_is_admin`. */
  @Text()
  adminRole = 'admin';

  /** How many images a page has at most; Glance's `api_limit_max` may make it fewer. */
  @WholeNumber(1, 1000)
  pageSize = 500;

  /** The time limit for connecting to Glance. */
  @WholeNumber(1, 60)
  connectTimeout = 2;

  /** The time limit for a complete response. */
  @WholeNumber(1, 300)
  timeout = 5;

  /** How many calls to Glance run at a time. */
  @WholeNumber(1, 1000)
  concurrency = 16;
}
