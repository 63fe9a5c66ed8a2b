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
import { checkJudge, judgeRequest, type Judge, type JudgedRequest } from '../authenticate-request.js';
import { credentialsOf, type Policy, type Target } from '../policy/index.js';

/** What {@link AuthGuard} judges requests with: provide a {@link JudgeOfRequests} under this token. */
export const JUDGE = Symbol('glimpse.judge');

/** A judge, how to find the path it judges by, and what {@link Allow} asks. */
export interface JudgeOfRequests extends Judge {
  readonly policy?: Policy;
  /**
   * The decoded path that the router acts on. A request's URL as it was sent will not do where a router
   * decodes or normalises it: access rules would be compared with something else than what is routed.
   */
  pathOf(request: unknown): string;
}

/** What a rule is asked about, of a request. */
export type TargetOfRequest = (request: never, identity: DomainIdentity) => Target;

interface Permission {
  readonly rule: string;
  readonly targetOf: TargetOfRequest;
}

/** Under which a permission stands on controllers and on their methods. */
const PERMISSION = 'glimpse:permission';

/** As in the services that ask policy about nothing but their callers. */
const ownTarget: TargetOfRequest = (_, { userId, scope }) => ({
  user_id: userId,
  project_id: scope.kind === 'project' ? scope.id : null,
});

/**
 * A rule of policy that has to allow every request of a controller, or of one of its methods, which goes
 * before. {@link AuthGuard} asks it; what a rule decides about an image that has to be read first, ask the
 * policy itself.
 *
 * @param targetOf what the rule is asked about; unless given, the caller's own user and project
 *
 * @example
 * @Allow('delete_server', (request: FastifyRequest) => ({ project_id: request.params.project }))
 */
export function Allow(rule: string, targetOf: TargetOfRequest = ownTarget): CustomDecorator {
  return SetMetadata(PERMISSION, { rule, targetOf } satisfies Permission);
}

/** A method's permission, else its controller's, else that of the class which the controller extends. */
function permissionOf(context: ExecutionContext): Permission | undefined {
  return [context.getHandler(), context.getClass()]
    .map((holder) => Reflect.getMetadata(PERMISSION, holder) as Permission | undefined)
    .find((permission) => permission !== undefined);
}

const JUDGEMENT = Symbol('glimpse.judgement');

/** Who sent a request, once that was found out or is being found out. */
interface Judged {
  [JUDGEMENT]?: DomainIdentity | Promise<DomainIdentity>;
}

/** What carries the judgement: Node's own request, which is the same in front of a framework and within it. */
function carrierOf(request: object): Judged {
  return (request as { raw?: object }).raw ?? request;
}

/**
 * Judges a request as {@link AuthGuard} does, for what stands in front of it. However often a request is
 * judged, its token is looked at once.
 *
 * @param request a framework's request, or Node's own under it
 * @returns the identity, or a promise where somebody has to be asked, or the request is refused
 */
export function judgementOf(
  judge: Judge,
  judged: JudgedRequest,
  request: object,
): DomainIdentity | Promise<DomainIdentity> {
  const carrier = carrierOf(request);
  if (carrier[JUDGEMENT]) return carrier[JUDGEMENT];
  const judgement = judgeRequest(judge, judged);
  // The guard says why; should it never come to that, nobody has to.
  if (judgement instanceof Promise) judgement.catch(() => undefined);
  return (carrier[JUDGEMENT] = judgement);
}

/**
 * Lets a request through when its token is valid and good for it, and the rule of {@link Allow} does; works on
 * Express and on Fastify.
 *
 * @throws {Unauthenticated} and {AuthenticationUnavailable}, as `judgeRequest`, and {PolicyRefused}: give them
 *   an exception filter
 */
@Injectable()
export class AuthGuard implements CanActivate {
  /** @throws {InvalidOptions} what is provided under {@link JUDGE} lacks something */
  constructor(@Inject(JUDGE) private readonly judge: JudgeOfRequests) {
    checkJudge(judge);
    if (typeof judge.pathOf !== 'function') {
      throw new InvalidOptions(['pathOf is missing: it must be a function from a request to its path']);
    }
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<JudgedRequest>();
    const { method, headers, socket } = request;
    const judged = { method, headers, socket, path: this.judge.pathOf(request) };
    const identity = await judgementOf(this.judge, judged, request);
    carrierOf(request)[JUDGEMENT] = identity;
    const permission = permissionOf(context);
    if (permission) this.#enforce(permission, request as never, identity);
    return true;
  }

  #enforce({ rule, targetOf }: Permission, request: never, identity: DomainIdentity): void {
    const { policy } = this.judge;
    if (!policy) throw new Error(`@Allow('${rule}') has no policy to ask: provide one with JUDGE`);
    const allowed = policy.allows(rule, credentialsOf(identity), targetOf(request, identity));
    if (!allowed) throw new PolicyRefused(rule);
  }
}

/** Who sent a request; undefined unless {@link AuthGuard} found that out, as in a log that has all requests. */
export function callerOf(request: object): DomainIdentity | undefined {
  const judgement = carrierOf(request)[JUDGEMENT];
  return judgement instanceof Promise ? undefined : judgement;
}

/**
 * Who sent a request that {@link AuthGuard} let through.
 *
 * @throws {Error} the guard did not run for it
 */
export function identityOf(request: object): DomainIdentity {
  const identity = callerOf(request);
  if (!identity) throw new Error('AuthGuard does not stand in front of this route');
  return identity;
}

/** The parameter of a controller's method that takes {@link identityOf} the request. */
export const Identity = createParamDecorator((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<object>()),
);
