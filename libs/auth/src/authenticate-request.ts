import { projectOf, type ForwardingService, type Identity } from '@glimpse/domain';
import { InvalidOptions } from '@glimpse/options';
import type { Authentication, AuthenticationRequest, Authenticator } from '@glimpse/plugins';
import { allowedByAccessRules } from './access-rules.js';
import { AuthenticationOverloaded, AuthenticationUnavailable, Unauthenticated } from './errors.js';
import { isNoCache } from './no-cache.js';
import { SourceOfRequest } from './request-source.js';

/** The parts of a request that authenticate it. */
export interface RequestToAuthenticate {
  readonly method: string;
  /** The decoded path that the router matches. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * The connection of the request, as Node's and the frameworks' requests have it: unknown tokens of different sources
   * share the calls to Keystone fairly. Without it all requests have one source.
   */
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

export interface RequestAuthenticator {
  readonly authenticator: Authenticator;
  /** The type of this service in Keystone's catalog, such as `compute`, which access rules name. */
  readonly serviceType: string;
  /** Whether a service token that does not count is ignored, as Glance does; otherwise it refuses the request. */
  readonly ignoresUselessServiceTokens?: boolean;
}

/** @throws {InvalidOptions} naming what is missing */
export function requireRequestAuthenticator(
  options: Partial<RequestAuthenticator> | undefined,
): asserts options is RequestAuthenticator {
  const problems: string[] = [];
  if (typeof options?.authenticator?.authenticate !== 'function') {
    problems.push('authenticator is missing: it must be an authenticator');
  }
  if (typeof options?.serviceType !== 'string' || options.serviceType === '') {
    problems.push('serviceType is missing: it must be a service type, such as compute');
  }
  if (problems.length > 0) throw new InvalidOptions(problems);
}

function text(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(', ') : (header ?? '');
}

/**
 * Authenticates a request by its token, and checks that the token is valid for it: its service token and access rules.
 * The authenticator may cache the token; the request is checked each time.
 *
 * A service token counts only when it is valid, has a service role and no access rules of its own. It then lifts the
 * access rules of the user's token, which may be expired. Any other service token refuses the request, unless the
 * options say that it is ignored; keystonemiddleware accepts any valid one, a restricted one included.
 *
 * @returns the identity at once if the authenticator returns it at once; else, and for every refusal, a promise
 * @throws {InvalidOptions} the options lack something
 * @throws {Unauthenticated} there is no valid token for this request
 * @throws {AuthenticationUnavailable} the token cannot be validated now
 * @throws {AuthenticationOverloaded} queue timeout: too many tokens wait for validation
 *
 * @example
 * const identity = await authenticateRequest(
 *   { authenticator, serviceType: 'compute' },
 *   { method: 'GET', path: '/v2.1/images', headers: { 'x-auth-token': token } },
 * );
 */
export function authenticateRequest(
  options: RequestAuthenticator,
  request: RequestToAuthenticate,
): Identity | Promise<Identity> {
  try {
    requireRequestAuthenticator(options);
    const { authenticator } = options;
    const { headers } = request;
    const token = text(headers['x-auth-token']);
    if (token === '') throw new Unauthenticated(authenticator.challenge);
    const how = { fresh: isNoCache(headers['cache-control']), source: new SourceOfRequest(request) };
    if (text(headers['x-service-token']) !== '') return withServiceToken(options, request, token, how);

    const authentication = authenticator.authenticate(token, how);
    if ('outcome' in authentication) return restricted(options, request, identified(options, authentication));
    return Promise.resolve(authentication).then((settled) =>
      restricted(options, request, identified(options, settled)),
    );
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** Authenticates a request that a service forwards with a token of its own. */
async function withServiceToken(
  options: RequestAuthenticator,
  request: RequestToAuthenticate,
  token: string,
  how: AuthenticationRequest,
): Promise<Identity> {
  const { authenticator } = options;
  const serviceToken = text(request.headers['x-service-token']);
  const authentication = await authenticator.authenticate(serviceToken, how);
  if (options.ignoresUselessServiceTokens && !counts(authentication)) {
    return restricted(options, request, identified(options, await authenticator.authenticate(token, how)));
  }
  const service = identified(options, authentication);
  if (!counts(authentication)) throw new Unauthenticated(authenticator.challenge);
  const user = identified(options, await authenticator.authenticate(token, { ...how, allowExpired: true }));
  return { ...user, forwardedBy: forwardingServiceOf(service) };
}

/** Whether a service token counts. One that cannot be validated now may. */
function counts(authentication: Authentication): boolean {
  if (authentication.outcome !== 'identity') return authentication.outcome === 'unavailable';
  const { service, accessRules } = authentication.identity;
  return service && accessRules === null;
}

function forwardingServiceOf(service: Identity): ForwardingService {
  const { userId, userDomainId, scope, roles } = service;
  return {
    userId,
    userDomainId,
    projectId: projectOf(service),
    projectDomainId: scope.kind === 'project' ? scope.domainId : undefined,
    roles,
  };
}

/** An identity, if its access rules allow the request. */
function restricted(
  { authenticator, serviceType }: RequestAuthenticator,
  request: RequestToAuthenticate,
  identity: Identity,
): Identity {
  const { accessRules } = identity;
  if (accessRules && !allowedByAccessRules(accessRules, serviceType, request.method, request.path)) {
    throw new Unauthenticated(authenticator.challenge);
  }
  return identity;
}

function identified({ authenticator }: RequestAuthenticator, authentication: Authentication): Identity {
  if (authentication.outcome === 'identity') return authentication.identity;
  if (authentication.outcome === 'unavailable') {
    const { retryAfter, overloaded } = authentication;
    throw overloaded ? new AuthenticationOverloaded(retryAfter) : new AuthenticationUnavailable(retryAfter);
  }
  throw new Unauthenticated(authenticator.challenge);
}
