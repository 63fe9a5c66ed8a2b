import { Optional, Text, WholeNumber } from '@glimpse/options';
import { IsObject } from 'class-validator';
import { BaseUrl, EndpointInterface } from './decorators.js';

export class SourceSettings {
  /** The service whose images the catalogue mirrors, `glance` or a plugin's; unset: it is its own truth. */
  @Optional()
  @Text()
  use?: string;

  @IsObject({ message: 'a mapping of options' })
  options: Record<string, unknown> = {};

  /** Seconds since what had changed there was last seen, after which no image is served any more. */
  @WholeNumber(60, 604_800)
  stale_limit = 3600;

  /** Seconds from one look at what has changed to the next, and by which each reaches back. */
  @WholeNumber(1, 60)
  interval = 2;

  @WholeNumber(1, 600)
  overlap = 10;

  /** Seconds after which a walk over all images begins again, and members are read again. */
  @WholeNumber(1, 86_400)
  round = 60;

  /** How many images that the catalogue lacks are asked for there at once; one project has a quarter of them. */
  @WholeNumber(4, 1000)
  look_ups = 16;
}

export class GlanceSettings {
  /** Where Glance is; unset: the image endpoint of Keystone's catalog. */
  @Optional()
  @BaseUrl()
  url?: string;

  /** Which of the catalog's endpoints is asked. */
  @EndpointInterface()
  interface: 'public' | 'internal' | 'admin' = 'public';

  /** The role that makes the service's user an administrator to Glance: its `context_is_admin`. */
  @Text()
  admin_role = 'admin';

  /** A file of the certificates that Glance's own must be signed by; unset: as for Keystone. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;
}
