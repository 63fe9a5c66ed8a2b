import type { IncomingMessage } from 'node:http';

/** The path of a request: for routing, access rules, links and logs. */
export interface RequestPath {
  /** Decoded: compared with access rules, and logged. */
  readonly path: string;
  /** Encoded again for the router, which decodes parameters itself, with the query as it was sent. */
  readonly routed: string;
}

/** How an API reads paths. */
export interface PathForm {
  /** Whether the segments `.` and `..` of the raw path are resolved; otherwise they are segments like any other. */
  readonly resolvesDots: boolean;
  /** The form of a decoded path that is routed, compared with access rules and logged. */
  canonical(path: string): string;
}

/** The form of paths that have no other: dot segments are resolved. */
export const PLAIN_PATHS: PathForm = { resolvesDots: true, canonical: (path) => path };

/** An absolute request target: its authority, and the rest. */
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/is;

/** Resolves the segments `.` and `..` of a raw path (RFC 3986, 5.2.4). */
function resolveDots(path: string): string {
  const resolved: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '..') resolved.pop();
    if (segment !== '.' && segment !== '..') resolved.push(segment);
    else if (last) resolved.push('');
  });
  return `/${resolved.join('/')}`;
}

/**
 * The path of a request target, as the servers in front of OpenStack's services parse it: dot segments of the raw path
 * are resolved where the API does so, then escapes are decoded once, then repeated slashes become one. So `%2e%2e` is a
 * segment of that name, `%2F` separates segments, and a slash at the end is preserved.
 *
 * @param target the request target: a path with an optional query, an absolute URL (RFC 9112, 3.2.2), or `*`
 * @returns undefined when the path holds escapes that cannot be decoded
 */
export function requestPath(target: string, form: PathForm): RequestPath | undefined {
  const relative = target.startsWith('/') ? target : (ABSOLUTE.exec(target)?.[2] ?? target);
  const queryAt = relative.indexOf('?');
  const raw = queryAt < 0 ? relative : relative.slice(0, queryAt);
  const query = queryAt < 0 ? '' : relative.slice(queryAt);
  // A plain target needs no further processing.
  if (/^(?:\/[\w-][\w.-]*)+\/?$/.test(raw)) {
    const path = form.canonical(raw);
    return { path, routed: path === raw ? relative : path + query };
  }
  try {
    const rooted = raw.startsWith('/') ? raw : `/${raw}`;
    const path = decodeURIComponent(form.resolvesDots ? resolveDots(rooted) : rooted).replace(/\/{2,}/g, '/');
    const canonical = form.canonical(path);
    return { path: canonical, routed: canonical.split('/').map(encodeURIComponent).join('/') + query };
  } catch {
    return undefined;
  }
}

const PATH = Symbol('path');
const UNPARSED_QUERY = Symbol('unparsed query');

/** A request whose path is computed. */
type PathRequest = IncomingMessage & { [PATH]?: string; [UNPARSED_QUERY]?: boolean };

/** The most parameters of a query. */
export const MAX_PARAMETERS = 256;

function hasTooManyParameters(target: string): boolean {
  // The shortest parameters are a character and a separator.
  if (target.length < 2 * MAX_PARAMETERS) return false;
  let parameters = 1;
  for (let at = target.indexOf('&'); at >= 0; at = target.indexOf('&', at + 1)) parameters++;
  return parameters > MAX_PARAMETERS;
}

/** Whether a request has more than {@link MAX_PARAMETERS} parameters, which are not parsed. */
export function hasUnparsedQuery(request: PathRequest): boolean {
  return request[UNPARSED_QUERY] === true;
}

/**
 * Fastify's `rewriteUrl`: computes the path once a request. A path that cannot be decoded is rewritten to one that no
 * route has. A path of one segment, such as that of a version document, is routed with and without a slash at its end.
 * The host of an absolute target replaces the `Host` header (RFC 9112, 3.2.2). A query with too many parameters is
 * refused later, so the router does not parse it.
 */
export function rewriteUrl(request: PathRequest, form: PathForm): string {
  const target = request.url ?? '/';
  const authority = target.startsWith('/') ? undefined : ABSOLUTE.exec(target)?.[1];
  if (authority !== undefined) request.headers.host = authority;
  const computed = requestPath(target, form);
  if (!computed) return '//';
  const { path } = computed;
  request[PATH] = path;
  request[UNPARSED_QUERY] = hasTooManyParameters(target);
  const routed = request[UNPARSED_QUERY] ? computed.routed.split('?', 1)[0]! : computed.routed;
  return path.endsWith('/') ? routed.replace(/^(\/[^/?]+)\/(?=\?|$)/, '$1') : routed;
}

/** The query of a request as it was sent, with its `?`; empty without one. */
export function queryOf({ url = '' }: IncomingMessage): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at);
}

/** The decoded path of a request; empty when it cannot be decoded. */
export function pathOf(request: PathRequest): string {
  return request[PATH] ?? '';
}
