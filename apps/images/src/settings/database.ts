import { OneOf, Optional, WholeNumber } from '@glimpse/options';
import { DatabaseUrl } from './decorators.js';

export class DatabaseSettings {
  /** The PostgreSQL that holds the catalogue; unset: the embedded one. */
  @Optional()
  @DatabaseUrl()
  url?: string;

  /** A direct connection to the primary, for change notifications; unset: as `url`. */
  @Optional()
  @DatabaseUrl()
  listen_url?: string;

  /** The pool mode of a pooler at `url`; unset: there is no pooler. */
  @Optional()
  @OneOf(['session', 'transaction'])
  pooler?: 'session' | 'transaction';

  /** The most connections that one process opens, besides the listening one. */
  @WholeNumber(1, 1000)
  pool = 10;
}
