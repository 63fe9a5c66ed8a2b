import { Optional, WholeNumber } from '@glimpse/options';

export class ShutdownSettings {
  /** Seconds for which requests are still accepted after the signal to stop; unset: 0, in production 5. */
  @Optional()
  @WholeNumber(0, 300)
  delay?: number;

  /** Seconds that accepted requests then have to complete. */
  @WholeNumber(1, 300)
  timeout = 10;
}
