import type { FastifyRequest } from 'fastify';
import type { Face } from './api.js';
import { pathOf } from './path.js';

/** Whether the router found nothing, or a route whose parameters are none. */
export function hasNoRoute(face: Face, request: FastifyRequest): boolean {
  return request.is404 || !face.takes((request.params ?? {}) as Record<string, string>);
}

/** As in Nova the token comes before the route: without one no client learns which routes there are. */
export function needsToken(face: Face, request: FastifyRequest): boolean {
  const path = pathOf(request.raw);
  return face.owns(path) && (hasNoRoute(face, request) || !face.isOpen(path));
}
