import { randomUUID } from 'node:crypto';

/** A new request id, in OpenStack's form. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/** The headers that name a request: Nova's own, and the one that all of OpenStack has. */
export function requestIdHeaders(id: string): Record<string, string> {
  return { 'x-compute-request-id': id, 'x-openstack-request-id': id };
}
