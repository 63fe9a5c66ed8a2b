/** The result of one test, printed as a line. */
export interface Finding {
  /** `failed`: the service cannot do its work. `warning`: it can, with a restriction. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly subject: string;
  /** What was found; of a failure and a warning also the remedy. */
  readonly text: string;
}

export const ok = (subject: string, text: string): Finding => ({ state: 'ok', subject, text });
export const warning = (subject: string, text: string): Finding => ({ state: 'warning', subject, text });
export const failed = (subject: string, text: string): Finding => ({ state: 'failed', subject, text });
export const skipped = (subject: string, text: string): Finding => ({ state: 'skipped', subject, text });

/** Seconds by which another machine's clock may differ. Tokens end by the clock of this one. */
const MAX_CLOCK_DIFFERENCE_S = 5;

/** @param ahead seconds by which the other clock is ahead of this machine's */
export function clockFinding(subject: string, ahead: number): Finding {
  const seconds = Math.abs(ahead).toFixed(1);
  if (Math.abs(ahead) <= MAX_CLOCK_DIFFERENCE_S) return ok(subject, 'its clock agrees with the one here');
  const direction = ahead > 0 ? 'ahead of' : 'behind';
  return warning(subject, `its clock is ${seconds} s ${direction} the one here: synchronise both by NTP`);
}
