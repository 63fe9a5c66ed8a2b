import type { IncomingMessage } from 'node:http';
import { VIA } from '@glimpse/glance';

/** Headers of one connection (RFC 9110, 7.6.1), and `Expect`, which the server has met already. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names and values in turn, as they are on the wire. */
export type RawHeaders = readonly string[];

/** The value of a header; of several, with commas between. */
export function headerOf(headers: RawHeaders, name: string): string | undefined {
  const values = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** The headers that are not for one connection, each in its place. */
function endToEnd(headers: RawHeaders, dropped: (name: string) => boolean): string[] {
  const listed = (headerOf(headers, 'connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || listed.includes(name) || dropped(name)) continue;
    kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/** The headers of a request that is passed on: the client's own, and `Via`. */
export function requestHeaders({ rawHeaders, headers }: IncomingMessage): string[] {
  const kept = endToEnd(rawHeaders, (name) => name === 'host');
  // The host of an absolute target replaces the header.
  return [...(headers.host === undefined ? [] : ['Host', headers.host]), ...kept, 'Via', VIA];
}

/**
 * The headers of a response that is passed on: those of Glance, and `Via`. Which web pages may read it is decided here.
 *
 * @param location rewrites `Location`
 */
export function responseHeaders(raw: RawHeaders, location: (url: string) => string): string[] {
  const headers = endToEnd(raw, (name) => name.startsWith('access-control-'));
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'location') headers[at + 1] = location(headers[at + 1]!);
  }
  return [...headers, 'Via', VIA];
}

/**
 * A `Location` as clients know it. Glance makes it of the `Host` of the request, which is the client's, or is configured
 * with a URL; one that leads elsewhere is left as it is.
 *
 * @param glance the base URL of Glance
 * @param base the base URL of this service
 * @param host of the request
 */
export function rewriteLocation(
  location: string,
  glance: URL,
  base: string,
  host: string | undefined,
): string {
  const [, authority, rest] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(location) ?? [];
  if (authority === undefined || rest === undefined) return location;
  const prefix = glance.pathname.replace(/\/$/, '');
  const isGlance = [glance.host, host].includes(authority.toLowerCase());
  return isGlance && rest.startsWith(`${prefix}/`) ? base + rest.slice(prefix.length) : location;
}
