import { Optional, Text, WholeNumber } from '@glimpse/options';
import { IsObject } from 'class-validator';
import { BaseUrl, EndpointInterface } from './decorators.js';

export class SourceSettings {
  /** The service whose images the catalogue mirrors: `glance` or a plugin; unset: the catalogue has no source. */
  @Optional()
  @Text()
  use?: string;

  @IsObject({ message: 'a mapping of options' })
  options: Record<string, unknown> = {};

  /** Seconds since the last incremental sync, beyond which no image is served. */
  @WholeNumber(60, 604_800)
  stale_limit = 3600;

  /** Seconds between two incremental syncs, and by which each overlaps the one before. */
  @WholeNumber(1, 60)
  interval = 2;

  @WholeNumber(1, 600)
  overlap = 10;

  /** Seconds between two full syncs, and between two refreshes of members. */
  @WholeNumber(1, 86_400)
  round = 60;

  /** The most on-demand fetches that run at once; those of one project may use a quarter of them. */
  @WholeNumber(4, 1000)
  look_ups = 16;
}

export class GlanceSettings {
  /** The URL of Glance; unset: the image endpoint of Keystone's catalog. */
  @Optional()
  @BaseUrl()
  url?: string;

  /** The interface of the catalog's image endpoint. */
  @EndpointInterface()
  interface: 'public' | 'internal' | 'admin' = 'public';

  /** The role that makes the service's user an administrator of Glance: its `context_is_admin`. */
  @Text()
  admin_role = 'admin';

  /** A file with the certificates of the authorities that Glance's certificate must be signed by; unset: Keystone's. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;

  /** Seconds without a byte in either direction, after which a request that is passed on is given up. */
  @WholeNumber(1, 86_400)
  silence = 600;

  /** The most uploads and downloads that are passed on at a time. */
  @WholeNumber(1, 4096)
  transfers = 128;
}
