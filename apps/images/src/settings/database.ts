import { OneOf, Optional, WholeNumber } from '@glimpse/options';
import { DatabaseUrl } from './decorators.js';

export class DatabaseSettings {
  /** The PostgreSQL that holds the catalogue; unset: the embedded one. */
  @Optional()
  @DatabaseUrl()
  url?: string;

  /** A direct connection to the primary, for notices; unset: as `url`. */
  @Optional()
  @DatabaseUrl()
  listen_url?: string;

  /** What a pooler in front of it at `url` shares connections out for; unset: there is none. */
  @Optional()
  @OneOf(['session', 'transaction'])
  pooler?: 'session' | 'transaction';

  /** The most connections that one process opens, beside the one for notices. */
  @WholeNumber(1, 1000)
  pool = 10;
}
