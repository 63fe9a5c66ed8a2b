import { AuthenticationOverloaded, AuthenticationUnavailable, Unauthenticated } from '@glimpse/auth';
import { CatalogueUnavailable } from '@glimpse/domain';
import { MethodNotAllowed } from './errors.js';
import { Overloaded } from './overload.js';

/** The headers that HTTP requires of the response to an error, the same in every API. */
export function faultHeaders(error: unknown): Record<string, string> {
  if (error instanceof Unauthenticated) return { 'www-authenticate': error.challenge };
  if (error instanceof MethodNotAllowed) return { allow: error.allow };
  const passes =
    error instanceof CatalogueUnavailable ||
    error instanceof AuthenticationUnavailable ||
    error instanceof AuthenticationOverloaded ||
    error instanceof Overloaded;
  return passes ? { 'retry-after': String(error.retryAfter) } : {};
}
