import { Optional, WholeNumber } from '@glimpse/options';

export class MetricsSettings {
  /** Serves `/metrics` on a port of its own instead of the service's. */
  @Optional()
  @WholeNumber(1, 65535)
  port?: number;
}
