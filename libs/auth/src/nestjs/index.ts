import {
  Inject,
  Injectable,
  createParamDecorator,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Identity as DomainIdentity } from '@glimpse/domain';
import { judgeRequest, type Judge, type JudgedRequest } from '../judge.js';

/** What {@link AuthGuard} judges requests with: provide a {@link JudgeOfRequests} under this token. */
export const JUDGE = Symbol('glimpse.judge');

/** A judge, and how to find the path it judges by. */
export interface JudgeOfRequests extends Judge {
  /**
   * The decoded path that the router acts on. A request's URL as it was sent will not do where a router
   * decodes or normalises it: access rules would be compared with something else than what is routed.
   */
  pathOf(request: unknown): string;
}

const identities = new WeakMap<object, DomainIdentity>();

/**
 * Lets a request through when its token is valid and good for it; works on Express and on Fastify.
 *
 * @throws {Unauthenticated} and {AuthenticationUnavailable}, as `judgeRequest`: give them an exception filter
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(@Inject(JUDGE) private readonly judge: JudgeOfRequests) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<JudgedRequest>();
    const { method, headers } = request;
    identities.set(
      request,
      await judgeRequest(this.judge, { method, headers, path: this.judge.pathOf(request) }),
    );
    return true;
  }
}

/**
 * Who sent a request that {@link AuthGuard} let through.
 *
 * @throws {Error} the guard did not run for it
 */
export function identityOf(request: object): DomainIdentity {
  const identity = identities.get(request);
  if (!identity) throw new Error('AuthGuard does not stand in front of this route');
  return identity;
}

/** The parameter of a controller's method that takes {@link identityOf} the request. */
export const Identity = createParamDecorator((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<object>()),
);
