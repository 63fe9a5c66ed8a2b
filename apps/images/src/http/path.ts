import type { IncomingMessage } from 'node:http';

/** The path of a request: for routing, access rules, links and logs. */
export interface RequestPath {
  /** Decoded; what is compared with access rules and logged. */
  readonly path: string;
  /** Encoded again for the router, which decodes parameters itself, with the query as it was sent. */
  readonly routed: string;
}

/** An absolute request target: its authority, and the rest. */
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/is;

/** Resolves the segments `.` and `..` of a path as it was sent (RFC 3986, 5.2.4). */
function resolveDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (last) kept.push('');
  });
  return `/${kept.join('/')}`;
}

/**
 * The path of a request target, as the server in front of Nova sees it: dot segments of the raw path are
 * resolved, then escapes are decoded once, then repeated slashes become one. So `%2e%2e` is a segment of
 * that name, `%2F` separates, and a slash at the end stays.
 *
 * @param target the request target: a path with an optional query, an absolute URL (RFC 9112, 3.2.2), or `*`
 * @returns undefined when the path holds escapes that cannot be decoded
 */
export function requestPath(target: string): RequestPath | undefined {
  const relative = target.startsWith('/') ? target : (ABSOLUTE.exec(target)?.[2] ?? target);
  const queryAt = relative.indexOf('?');
  const raw = queryAt < 0 ? relative : relative.slice(0, queryAt);
  const query = queryAt < 0 ? '' : relative.slice(queryAt);
  // The usual target needs nothing of what follows.
  if (/^(?:\/[\w-][\w.-]*)+\/?$/.test(raw)) return { path: raw, routed: relative };
  try {
    const rooted = raw.startsWith('/') ? raw : `/${raw}`;
    const path = decodeURIComponent(resolveDots(rooted)).replace(/\/{2,}/g, '/');
    return { path, routed: path.split('/').map(encodeURIComponent).join('/') + query };
  } catch {
    return undefined;
  }
}

const PATH = Symbol('path');

/** A request whose path is computed. */
type PathRequest = IncomingMessage & { [PATH]?: string };

/**
 * Fastify's `rewriteUrl`: computes the path once a request. What cannot be decoded becomes what no route can
 * be. A path of one segment, which is where versions are described, has its route with a slash at the end and
 * without. The host of an absolute target counts, and the `Host` header beside it does not (RFC 9112, 3.2.2).
 */
export function rewriteUrl(request: PathRequest): string {
  const target = request.url ?? '/';
  const authority = target.startsWith('/') ? undefined : ABSOLUTE.exec(target)?.[1];
  if (authority !== undefined) request.headers.host = authority;
  const computed = requestPath(target);
  if (!computed) return '//';
  const { path, routed } = computed;
  request[PATH] = path;
  return path.endsWith('/') ? routed.replace(/^(\/[^/?]+)\/(?=\?|$)/, '$1') : routed;
}

/** The decoded path of a request; empty when it cannot be decoded. */
export function pathOf(request: PathRequest): string {
  return request[PATH] ?? '';
}
