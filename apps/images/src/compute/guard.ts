import { identityOf } from '@glimpse/auth/nestjs';
import { DomainError, projectOf } from '@glimpse/domain';
import {
  Inject,
  Injectable,
  SetMetadata,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { SETTINGS, type EffectiveSettings } from '../settings/settings.js';
import { RouteNotFound, UnsupportedMediaType } from '../http/errors.js';
import { pathOf } from '../http/path.js';
import { UnsupportedMicroversion, isAfter, negotiate } from './microversions.js';
import { apiVersionOf, projectInUrl } from './request.js';

/** The URL names a project that is not the token's. */
class ProjectMismatch extends DomainError {
  readonly code = 'project-mismatch';

  constructor(inUrl: string, ofToken: string | null) {
    super(
      `Malformed request URL: URL's project_id '${inUrl}' doesn't match ` +
        `Context's project_id '${ofToken ?? 'None'}'`,
    );
  }
}

/** The media types of the bodies that Nova reads; it treats a missing `Content-Type` as `text/plain`. */
const READABLE = new Set(['', 'text/plain', 'application/json', 'application/vnd.openstack.compute+json']);

const LAST_MICROVERSION = 'glimpse.last-microversion';

/** The last microversion that has a controller's routes. */
export function LastMicroversion(microversion: string): CustomDecorator {
  return SetMetadata(LAST_MICROVERSION, microversion);
}

/**
 * Nova's checks before a controller runs, in Nova's order: the microversion, the body's media type, the project in
 * the URL, and whether that microversion still has the route. It runs after the auth guard.
 */
@Injectable()
export class ComputeRequestGuard implements CanActivate {
  constructor(
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const microversion =
      apiVersionOf(pathOf(request.raw)) === 'v2.1' ? this.negotiate(request, reply) : undefined;

    const hasBody = request.method === 'POST' || request.method === 'PUT';
    if (hasBody && !READABLE.has(request.sentMediaType)) throw new UnsupportedMediaType();

    const inUrl = projectInUrl(request);
    if (inUrl !== undefined) {
      const ofToken = projectOf(identityOf(request));
      if (inUrl !== ofToken) throw new ProjectMismatch(inUrl, ofToken);
    }

    const last = this.reflector.get<string | undefined>(LAST_MICROVERSION, context.getClass());
    if (microversion && last && isAfter(microversion, last)) throw new RouteNotFound();
    return true;
  }

  /** Every response from here on names the microversion, also a 406 because it is out of range. */
  private negotiate(request: FastifyRequest, reply: FastifyReply): string {
    try {
      const microversion = negotiate(request.headers, this.settings.max_microversion);
      echo(reply, microversion);
      return microversion;
    } catch (error) {
      if (error instanceof UnsupportedMicroversion) echo(reply, error.microversion);
      throw error;
    }
  }
}

function echo(reply: FastifyReply, microversion: string): void {
  void reply.headers({
    'openstack-api-version': `compute ${microversion}`,
    'x-openstack-nova-api-version': microversion,
    vary: `OpenStack-API-Version, X-OpenStack-Nova-API-Version, ${String(reply.getHeader('vary'))}`,
  });
}
