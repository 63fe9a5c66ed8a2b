import { HttpUrl, OneOf, Optional, Text, WholeNumber } from '@glimpse/options';

/** Where a Glance is, and how it is asked. Seconds throughout. */
export class GlanceOptions {
  /** Glance's URL, with or without `/v2`; unset: the image endpoint of Keystone's catalog. */
  @Optional()
  @HttpUrl()
  url?: string;

  /** Which of the catalog's image endpoints. */
  @OneOf(['public', 'internal', 'admin'])
  interface: 'public' | 'internal' | 'admin' = 'public';

  /** The region of that endpoint; unset: whichever the catalog names first. */
  @Optional()
  @Text()
  region?: string;

  /** The certificates, as PEM text, that Glance's own must be signed by; unset: the usual authorities. */
  @Optional()
  @Text()
  ca?: string;

  /** The role that makes the service's user an administrator to Glance: its `context_is_admin`. */
  @Text()
  adminRole = 'admin';

  /** How many images a page has at most; Glance's `api_limit_max` may make it fewer. */
  @WholeNumber(1, 1000)
  pageSize = 500;

  /** Within how long Glance has to accept a connection. */
  @WholeNumber(1, 60)
  connectTimeout = 2;

  /** Within how long Glance has to answer in full. */
  @WholeNumber(1, 300)
  timeout = 5;

  /** How many calls to Glance run at once. */
  @WholeNumber(1, 1000)
  concurrency = 16;
}
