import { oneLine } from '@glimpse/options';

/** Hears why a plugin did not do what its contract says: one line, without any token. */
export type OnFault = (reason: string) => void;

/**
 * What was thrown, in one line of at most 300 characters.
 *
 * @param secret what the line must not hold
 */
export function reasonOf(thrown: unknown, secret = ''): string {
  let reason: string;
  try {
    reason = String(thrown);
  } catch {
    reason = 'something that has no text was thrown';
  }
  const told = secret === '' ? reason : reason.replaceAll(secret, '***');
  return oneLine(told.trim()).slice(0, 300);
}
