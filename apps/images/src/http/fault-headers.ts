import { Unauthenticated } from '@glimpse/auth';
import { DomainError } from '@glimpse/domain';
import { MethodNotAllowed } from './errors.js';

/** The headers that HTTP requires of the response to an error, the same in every API. */
export function faultHeaders(error: unknown): Record<string, string> {
  if (error instanceof Unauthenticated) return { 'www-authenticate': error.challenge };
  if (error instanceof MethodNotAllowed) return { allow: error.allow };
  return mayPass(error) ? { 'retry-after': String(error.retryAfter) } : {};
}

/** Whether a retry makes sense, after a number of seconds. */
function mayPass(error: unknown): error is DomainError & { readonly retryAfter: number } {
  return error instanceof DomainError && 'retryAfter' in error;
}
