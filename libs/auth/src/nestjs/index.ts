/**
 * A guard and decorators for NestJS, 11 and 12, on Express and on Fastify.
 *
 * @module @glimpse/auth/nestjs
 */
import {
  Inject,
  Injectable,
  SetMetadata,
  createParamDecorator,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Identity as DomainIdentity } from '@glimpse/domain';
import { InvalidOptions } from '@glimpse/options';
import { PolicyRefused } from '../errors.js';
import {
  authenticateRequest,
  requireRequestAuthenticator,
  type RequestAuthenticator,
  type RequestToAuthenticate,
} from '../authenticate-request.js';
import { credentialsOf, type Policy, type Target } from '../policy/index.js';

/** The injection token of {@link AuthGuard}'s {@link AuthGuardOptions}. */
export const AUTH_GUARD_OPTIONS = Symbol('glimpse.auth-guard-options');

export interface AuthGuardOptions extends RequestAuthenticator {
  /** Required by {@link Allow}. */
  readonly policy?: Policy;
  /**
   * The decoded path that the router matches. It is not the URL as it was sent where the router decodes or normalises
   * it: access rules must be compared with what is routed.
   */
  pathOf(request: unknown): string;
}

/** The target of a rule, from a request. */
export type TargetOfRequest = (request: never, identity: DomainIdentity) => Target;

interface Permission {
  readonly rule: string;
  readonly targetOf: TargetOfRequest;
}

/** The metadata key of a permission. */
const PERMISSION = 'glimpse:permission';

/** The default target, as in OpenStack services: the caller's own user and project. */
const ownTarget: TargetOfRequest = (_, { userId, scope }) => ({
  user_id: userId,
  project_id: scope.kind === 'project' ? scope.id : null,
});

/**
 * A policy rule that must allow every request of a controller, or of one of its methods, which has precedence.
 * {@link AuthGuard} enforces it. A rule about an object that has to be read first is for the controller to enforce.
 *
 * @param targetOf the target of the rule; by default the caller's own user and project
 *
 * @example
 * @Allow('delete_server', (request: FastifyRequest) => ({ project_id: request.params.project }))
 */
export function Allow(rule: string, targetOf: TargetOfRequest = ownTarget): CustomDecorator {
  return SetMetadata(PERMISSION, { rule, targetOf } satisfies Permission);
}

/** The permission of the method, else of its controller, else of the controller's base class. */
function permissionOf(context: ExecutionContext): Permission | undefined {
  return [context.getHandler(), context.getClass()]
    .map((holder) => Reflect.getMetadata(PERMISSION, holder) as Permission | undefined)
    .find((permission) => permission !== undefined);
}

const AUTHENTICATION = Symbol('glimpse.authentication');

/** A request with its authentication, which may be pending. */
interface Authenticated {
  [AUTHENTICATION]?: DomainIdentity | Promise<DomainIdentity>;
}

/** Node's own request carries the authentication: it is the same object in front of a framework and within it. */
function carrierOf(request: object): Authenticated {
  return (request as { raw?: object }).raw ?? request;
}

/**
 * Authenticates a request as {@link AuthGuard} does, for code in front of it. Repeated calls for a request share one
 * authentication.
 *
 * @param request a framework's request, or Node's own under it
 * @returns the identity, or a promise if the token has to be validated or the request is refused
 */
export function authenticationOf(
  options: RequestAuthenticator,
  parts: RequestToAuthenticate,
  request: object,
): DomainIdentity | Promise<DomainIdentity> {
  const carrier = carrierOf(request);
  if (carrier[AUTHENTICATION]) return carrier[AUTHENTICATION];
  const authentication = authenticateRequest(options, parts);
  // Avoid an unhandled rejection: the guard reports it if the request gets there.
  if (authentication instanceof Promise) authentication.catch(() => undefined);
  return (carrier[AUTHENTICATION] = authentication);
}

/**
 * Authenticates requests and enforces the rule of {@link Allow}, on Express and on Fastify.
 *
 * @throws {Unauthenticated} and {AuthenticationUnavailable}, as `authenticateRequest`, and {PolicyRefused}, which need
 *   an exception filter
 */
@Injectable()
export class AuthGuard implements CanActivate {
  /** @throws {InvalidOptions} the options lack something */
  constructor(@Inject(AUTH_GUARD_OPTIONS) private readonly options: AuthGuardOptions) {
    requireRequestAuthenticator(options);
    if (typeof options.pathOf !== 'function') {
      throw new InvalidOptions(['pathOf is missing: it must be a function from a request to its path']);
    }
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<RequestToAuthenticate>();
    const { method, headers, socket } = request;
    const parts = { method, headers, socket, path: this.options.pathOf(request) };
    const identity = await authenticationOf(this.options, parts, request);
    carrierOf(request)[AUTHENTICATION] = identity;
    const permission = permissionOf(context);
    if (permission) this.#enforce(permission, request as never, identity);
    return true;
  }

  #enforce({ rule, targetOf }: Permission, request: never, identity: DomainIdentity): void {
    const { policy } = this.options;
    if (!policy) throw new Error(`@Allow('${rule}') needs a policy: provide one with AUTH_GUARD_OPTIONS`);
    const allowed = policy.allows(rule, credentialsOf(identity), targetOf(request, identity));
    if (!allowed) throw new PolicyRefused(rule);
  }
}

/** The caller of a request; undefined unless it is authenticated, for logs of all requests. */
export function callerOf(request: object): DomainIdentity | undefined {
  const authentication = carrierOf(request)[AUTHENTICATION];
  return authentication instanceof Promise ? undefined : authentication;
}

/**
 * The caller of a request that passed {@link AuthGuard}.
 *
 * @throws {Error} the guard did not run for it
 */
export function identityOf(request: object): DomainIdentity {
  const identity = callerOf(request);
  if (!identity) throw new Error('this route has no AuthGuard');
  return identity;
}

/** Injects {@link identityOf} the request into a parameter of a controller's method. */
export const Identity = createParamDecorator((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<object>()),
);

export {
  /** @deprecated the name is now `AUTH_GUARD_OPTIONS` */
  AUTH_GUARD_OPTIONS as JUDGE,
  /** @deprecated the name is now `authenticationOf` */
  authenticationOf as judgementOf,
};
export type {
  /** @deprecated the name is now `AuthGuardOptions` */
  AuthGuardOptions as JudgeOfRequests,
};
