import { oneLine } from '@glimpse/options';

/** Called with the reason of a plugin's fault, in one line without any token. */
export type OnFault = (reason: string) => void;

/**
 * What was thrown, in one line of at most 300 characters.
 *
 * @param secret is masked in the line
 */
export function reasonOf(thrown: unknown, secret = ''): string {
  let reason: string;
  try {
    reason = String(thrown);
  } catch {
    reason = 'something that has no text was thrown';
  }
  const masked = secret === '' ? reason : reason.replaceAll(secret, '***');
  return oneLine(masked.trim()).slice(0, 300);
}
