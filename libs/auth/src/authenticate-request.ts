import { projectOf, type ForwardingService, type Identity } from '@glimpse/domain';
import { InvalidOptions } from '@glimpse/options';
import type { Authentication, AuthenticationRequest, Authenticator } from '@glimpse/plugins';
import { allowedByAccessRules } from './access-rules.js';
import { AuthenticationOverloaded, AuthenticationUnavailable, Unauthenticated } from './errors.js';
import { SourceOfRequest } from './request-source.js';

/** Of a request, what it is judged by. */
export interface JudgedRequest {
  readonly method: string;
  /** The decoded path that the router acts on. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * The connection that it came on, as Node's and the frameworks' requests have it: unknown tokens of different
   * sources share the calls to Keystone fairly. Left out, all requests have one source.
   */
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/** What requests are judged with. */
export interface Judge {
  readonly authenticator: Authenticator;
  /** The type of this service in Keystone's catalog, such as `compute`; access rules name it. */
  readonly serviceType: string;
}

/**
 * Whether requests can be judged with what was given.
 *
 * @throws {InvalidOptions} naming what is missing
 */
export function checkJudge(judge: Partial<Judge> | undefined): asserts judge is Judge {
  const problems: string[] = [];
  if (typeof judge?.authenticator?.authenticate !== 'function') {
    problems.push('authenticator is missing: it must be an authenticator');
  }
  if (typeof judge?.serviceType !== 'string' || judge.serviceType === '') {
    problems.push('serviceType is missing: it must be a service type, such as compute');
  }
  if (problems.length > 0) throw new InvalidOptions(problems);
}

function text(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(', ') : (header ?? '');
}

function saysNoCache(header: string | string[] | undefined): boolean {
  return header !== undefined && /(?:^|[\s,])no-cache(?:$|[\s,])/i.test(text(header));
}

/**
 * Finds out who sent a request, and whether their token is good for it. What the authenticator knows of a
 * token is looked up first; what depends on the request is judged here, each time.
 *
 * A service token counts only when it is valid, carries a service role and has no access rules of its own.
 * It then lifts the access rules of the user's token and allows that one to be expired. Any other service
 * token refuses the request. keystonemiddleware takes any valid token there, a restricted one included.
 *
 * @returns the identity at once where the authenticator answers at once; else, and for every refusal, a promise
 * @throws {InvalidOptions} the judge lacks something
 * @throws {Unauthenticated} no token, an invalid one, or one that is not good for this request
 * @throws {AuthenticationUnavailable} the token cannot be validated now
 * @throws {AuthenticationOverloaded} too many tokens are waiting to be validated
 *
 * @example
 * const identity = await judgeRequest(
 *   { authenticator, serviceType: 'compute' },
 *   { method: 'GET', path: '/v2.1/images', headers: { 'x-auth-token': token } },
 * );
 */
export function judgeRequest(judge: Judge, request: JudgedRequest): Identity | Promise<Identity> {
  try {
    checkJudge(judge);
    const { headers } = request;
    const token = text(headers['x-auth-token']);
    if (token === '') throw new Unauthenticated(judge.authenticator.challenge);
    const options = { fresh: saysNoCache(headers['cache-control']), source: new SourceOfRequest(request) };
    if (text(headers['x-service-token']) !== '') return judgeVouched(judge, request, token, options);

    const authentication = judge.authenticator.authenticate(token, options);
    if ('outcome' in authentication) return restricted(judge, request, identified(judge, authentication));
    return Promise.resolve(authentication).then((answer) =>
      restricted(judge, request, identified(judge, answer)),
    );
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** Judges a request for which a service vouches with a token of its own. */
async function judgeVouched(
  judge: Judge,
  request: JudgedRequest,
  token: string,
  options: AuthenticationRequest,
): Promise<Identity> {
  const { authenticator } = judge;
  const serviceToken = text(request.headers['x-service-token']);
  const service = identified(judge, await authenticator.authenticate(serviceToken, options));
  if (!service.service || service.accessRules !== null) throw new Unauthenticated(authenticator.challenge);
  const user = identified(judge, await authenticator.authenticate(token, { ...options, allowExpired: true }));
  return { ...user, forwardedBy: forwardingServiceOf(service) };
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
  { authenticator, serviceType }: Judge,
  request: JudgedRequest,
  identity: Identity,
): Identity {
  const { accessRules } = identity;
  if (accessRules && !allowedByAccessRules(accessRules, serviceType, request.method, request.path)) {
    throw new Unauthenticated(authenticator.challenge);
  }
  return identity;
}

function identified({ authenticator }: Judge, authentication: Authentication): Identity {
  if (authentication.outcome === 'identity') return authentication.identity;
  if (authentication.outcome === 'unavailable') {
    const { retryAfter, overloaded } = authentication;
    throw overloaded ? new AuthenticationOverloaded(retryAfter) : new AuthenticationUnavailable(retryAfter);
  }
  throw new Unauthenticated(authenticator.challenge);
}
