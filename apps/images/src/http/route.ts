import type { FastifyRequest } from 'fastify';
import type { Api } from './api.js';
import { pathOf } from './path.js';

/** Whether the router found no route, or one that does not accept the parameters. */
export function hasNoRoute(api: Api, request: FastifyRequest): boolean {
  return request.is404 || !api.acceptsParameters((request.params ?? {}) as Record<string, string>);
}

/** As in Nova the token is checked before the route: without one no client learns which routes exist. */
export function needsToken(api: Api, request: FastifyRequest): boolean {
  const path = pathOf(request.raw);
  return api.owns(path) && (hasNoRoute(api, request) || !api.isOpen(path));
}
