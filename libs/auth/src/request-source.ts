import type { RequestSource } from '@glimpse/plugins';

/** Characters of a proxy's `X-Forwarded-For` that are kept. */
const MAX_CLIENT_LENGTH = 64;

/** A number for each connection, so that nothing holds on to one that is over. */
const connections = new WeakMap<object, number>();
let lastConnection = 0;

/** The parts of a request that its source is read from. */
export interface RequestWithSource {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The connection that it came on, as Node's and the frameworks' requests have it. */
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * Where a request came from. It is computed only if it is needed: most tokens are in the cache.
 *
 * The address is that of the connection, which no client can make up. Behind a proxy all clients have the proxy's
 * address, so its clients are distinguished by the last hop of `X-Forwarded-For`, which the nearest proxy wrote. A
 * client that writes this header itself appears as many clients, but all of its own address.
 */
export class SourceOfRequest implements RequestSource {
  constructor(private readonly request: RequestWithSource) {}

  get address(): string {
    return networkOf(this.request.socket?.remoteAddress ?? '');
  }

  get client(): string {
    const { headers, socket } = this.request;
    const forwarded = headers['x-forwarded-for'];
    const hop = forwarded === undefined ? '' : lastHop(String(forwarded));
    if (hop !== '') return hop.slice(0, MAX_CLIENT_LENGTH);
    if (!socket) return '';
    let number = connections.get(socket);
    if (number === undefined) connections.set(socket, (number = ++lastConnection));
    return `connection ${number}`;
  }
}

function lastHop(forwarded: string): string {
  return networkOf(forwarded.slice(forwarded.lastIndexOf(',') + 1).trim());
}

/** The address itself, or of IPv6 its /64, in which one host has as many addresses as it likes. */
function networkOf(address: string): string {
  if (!/^[0-9a-f:.]+$/i.test(address) || !address.includes(':')) return address;
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1);
  const [head = [], tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const missing = tail ? Math.max(0, 8 - head.length - tail.length) : 0;
  return [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])].slice(0, 4).join(':');
}
