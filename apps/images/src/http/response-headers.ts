import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A new request id, in OpenStack's form. No id says anything about another: they do not count up. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/**
 * The id that a request has had since it entered the cloud, as oslo.middleware takes it over: in a header of
 * the name that answers have, and only in the form of a request id.
 */
export function globalRequestIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-openstack-request-id'];
  return typeof id === 'string' && /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? id
    : undefined;
}

/**
 * The headers of every answer: the request's id, under Nova's own name and the one that all of OpenStack has,
 * and what caches in between are to know. A token is no `Authorization`, so they are told about it.
 */
export function answerHeaders(requestId: string): Record<string, string> {
  return {
    'x-compute-request-id': requestId,
    'x-openstack-request-id': requestId,
    'cache-control': 'private, no-cache',
    vary: 'X-Auth-Token',
  };
}
