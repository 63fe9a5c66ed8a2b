import { OneOf, TrueOrFalse } from '@glimpse/options';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export class LogSettings {
  @OneOf(LOG_LEVELS)
  level: LogLevel = 'info';

  /** Whether every request is logged, not only changes, failures and slow ones. */
  @TrueOrFalse()
  requests = false;
}
