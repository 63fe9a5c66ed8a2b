import type { Identity } from '@glimpse/domain';
import type { Authentication, Authenticator } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';
import { inTime } from './in-time.js';

const TIME_LIMIT_MS = 5_000;

/** Seconds after which a retry makes sense when an authenticator failed. */
const RETRY_AFTER_S = 5;

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** What is wrong with an identity; undefined when nothing is. */
function problemOfIdentity(identity: Partial<Identity> | null | undefined): string | undefined {
  if (typeof identity !== 'object' || identity === null) return 'identity is missing';
  const { userId, userName, userDomainId, scope, roles, accessRules, expiresAt, service } = identity;
  const named = scope?.kind === 'project' || scope?.kind === 'domain';
  const rules = accessRules as readonly unknown[] | null | undefined;
  const texts = (rule: unknown): boolean => {
    const { service, method, path } = (rule ?? {}) as Record<string, unknown>;
    return [service, method, path].every((text) => typeof text === 'string');
  };
  const wrong = Object.entries({
    userId: isText(userId),
    userName: typeof userName === 'string',
    userDomainId: userDomainId === undefined || isText(userDomainId),
    scope: named
      ? isText(scope.id) && typeof scope.name === 'string'
      : /^(?:system|none)$/.test(scope?.kind ?? ''),
    roles: Array.isArray(roles) && roles.every(isText),
    accessRules: rules === null || (Array.isArray(rules) && rules.every(texts)),
    expiresAt: expiresAt === null || (expiresAt instanceof Date && Number.isFinite(expiresAt.getTime())),
    service: typeof service === 'boolean',
  }).filter(([, right]) => !right);
  return wrong.length === 0 ? undefined : `identity has a wrong ${wrong.map(([key]) => key).join(', ')}`;
}

/** Checks a result against the contract. */
function checkedAuthentication(answer: unknown): Authentication {
  const authentication = answer as Partial<Authentication> | null | undefined;
  switch (authentication?.outcome) {
    case 'invalid':
      return { outcome: 'invalid' };
    case 'unavailable':
      if (!(Number.isFinite(authentication.retryAfter) && authentication.retryAfter! >= 0)) {
        throw new TypeError('it answered unavailable with a wrong retryAfter, wanted are seconds');
      }
      return authentication as Authentication;
    case 'identity': {
      const problem = problemOfIdentity(authentication.identity);
      if (problem !== undefined) throw new TypeError(`its ${problem}`);
      return authentication as Authentication;
    }
    default:
      throw new TypeError('it answered no outcome, wanted is identity, invalid or unavailable');
  }
}

/**
 * Authenticates a token, within a bounded time.
 *
 * @param limitMs the time limit
 * @throws {TypeError} the result does not conform to the contract; {Error} there is none in time; and
 *   whatever the authenticator throws
 */
export async function authenticationOf(
  authenticator: Authenticator,
  [token, request]: Parameters<Authenticator['authenticate']>,
  limitMs: number = TIME_LIMIT_MS,
): Promise<Authentication> {
  return checkedAuthentication(await inTime(authenticator.authenticate(token, request), limitMs, 'answer'));
}

/**
 * Keeps an authenticator's faults to itself: where it throws, has no result in time or one that does not conform to its
 * contract, the outcome is `unavailable`. It is never `invalid` then, since a client would drop a valid token.
 * Synchronous results remain synchronous.
 *
 * @param limitMs the time limit
 */
export function isolateAuthenticator(
  authenticator: Authenticator,
  onFault: OnFault,
  limitMs: number = TIME_LIMIT_MS,
): Authenticator {
  return {
    challenge: authenticator.challenge,
    authenticate(token, request) {
      const failed = (error: unknown): Authentication => {
        // What was thrown may quote the token.
        onFault(reasonOf(error, token));
        return { outcome: 'unavailable', retryAfter: RETRY_AFTER_S };
      };
      try {
        const answer = authenticator.authenticate(token, request) as Partial<Promise<Authentication>>;
        if (typeof answer?.then !== 'function') return checkedAuthentication(answer);
        return inTime(answer as Promise<Authentication>, limitMs, 'answer')
          .then(checkedAuthentication)
          .catch(failed);
      } catch (error) {
        return failed(error);
      }
    },
  };
}
