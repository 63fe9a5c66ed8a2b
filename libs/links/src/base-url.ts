const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::[0-9]{1,5})?$/i;

/**
 * Whether a `Host` header is `host[:port]` and nothing else: a name, an IPv4 address or an IPv6 address in
 * brackets (RFC 3986, 3.2.2), of at most 255 characters. Anything else must not get into a link, nor must
 * what has the form of a host and makes no URL, such as `999.1.1.1` or `[:::]`.
 */
export function isHost(text: string): boolean {
  const name = HOST.exec(text)?.[1];
  return name !== undefined && name.length <= 255 && URL.canParse(`http://${text}`);
}

/**
 * The base of links to this service when no public URL is configured: what the client requested.
 *
 * @param host the `Host` header, for which {@link isHost} holds
 * @param forwardedProto the `X-Forwarded-Proto` header; of a list the first entry counts, and only as
 *   `http` or `https`, in either case
 * @returns such as `https://images.example.com:8774`, without a slash at the end
 *
 * @example
 * requestBaseUrl('images.example.com', 'https, http'); // 'https://images.example.com'
 */
export function requestBaseUrl(host: string, forwardedProto?: string): string {
  const proto = forwardedProto?.split(',', 1)[0]?.trim().toLowerCase();
  return `${proto === 'https' ? 'https' : 'http'}://${host}`;
}

/**
 * A configured base of links, in the one form that links are built on.
 *
 * @param text an absolute http or https URL; it may have a path
 * @returns it without a slash at the end, or undefined when it is no such URL, or has a query, a fragment
 *   or credentials
 */
export function configuredBaseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username || url.password || /[?#]/.test(text)) return undefined;
  return (url.origin + url.pathname).replace(/\/+$/, '');
}
