import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A new random request id, in OpenStack's form. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/**
 * The id of a request since it entered the cloud. As in oslo.middleware it is read from the header of responses, and
 * only in the form of a request id.
 */
export function globalRequestIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-openstack-request-id'];
  return typeof id === 'string' && /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? id
    : undefined;
}

/**
 * The headers of the responses of every API: the request id, in the header that all of OpenStack uses, and
 * instructions for shared caches, which do not treat `X-Auth-Token` as authentication.
 */
export function commonHeaders(requestId: string): Record<string, string> {
  return {
    'x-openstack-request-id': requestId,
    'cache-control': 'private, no-cache',
    vary: 'X-Auth-Token',
  };
}
