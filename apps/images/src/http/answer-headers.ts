import { randomUUID } from 'node:crypto';

/** A new request id, in OpenStack's form. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
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
