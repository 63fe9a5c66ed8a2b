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

const JUDGEMENT = Symbol('glimpse.judgement');

/** A request, and who sent it once that was found out or is being found out. */
interface KnownRequest extends Omit<JudgedRequest, 'path'> {
  [JUDGEMENT]?: DomainIdentity | Promise<DomainIdentity>;
}

/**
 * Judges a request as {@link AuthGuard} does, for what stands in front of it. However often a request is
 * judged, its token is looked at once.
 *
 * @returns the identity, or a promise where somebody has to be asked, or the request is refused
 */
export function judgementOf(
  judge: JudgeOfRequests,
  request: Omit<JudgedRequest, 'path'>,
): DomainIdentity | Promise<DomainIdentity> {
  const known: KnownRequest = request;
  if (known[JUDGEMENT]) return known[JUDGEMENT];
  const { method, headers } = request;
  const judgement = judgeRequest(judge, { method, headers, path: judge.pathOf(request) });
  // The guard says why; should it never come to that, nobody has to.
  if (judgement instanceof Promise) judgement.catch(() => undefined);
  return (known[JUDGEMENT] = judgement);
}

/**
 * Lets a request through when its token is valid and good for it; works on Express and on Fastify.
 *
 * @throws {Unauthenticated} and {AuthenticationUnavailable}, as `judgeRequest`: give them an exception filter
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(@Inject(JUDGE) private readonly judge: JudgeOfRequests) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<KnownRequest>();
    request[JUDGEMENT] = await judgementOf(this.judge, request);
    return true;
  }
}

/**
 * Who sent a request that {@link AuthGuard} let through.
 *
 * @throws {Error} the guard did not run for it
 */
export function identityOf(request: object): DomainIdentity {
  const identity = (request as KnownRequest)[JUDGEMENT];
  if (!identity || identity instanceof Promise)
    throw new Error('AuthGuard does not stand in front of this route');
  return identity;
}

/** The parameter of a controller's method that takes {@link identityOf} the request. */
export const Identity = createParamDecorator((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<object>()),
);
