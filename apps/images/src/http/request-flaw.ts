import type { IncomingMessage } from 'node:http';
import { isHost } from '@glimpse/links';
import { ExpectationFailed, MalformedRequest } from './errors.js';
import { hasUnparsedQuery, MAX_PARAMETERS, pathOf } from './path.js';

/** The reason to refuse a request. */
export interface Flaw {
  readonly error: Error;
  /** Whether the message boundary is unknown, so that the connection must be closed. */
  readonly closesConnection: boolean;
}

/** The most hosts that are cached. */
const MAX_HOSTS = 100;
/** A cache of valid hosts: clients use only a few. */
const knownHosts = new Set<string>();

function isKnownHost(host: string): boolean {
  if (knownHosts.has(host)) return true;
  if (!isHost(host)) return false;
  if (knownHosts.size >= MAX_HOSTS) knownHosts.clear();
  knownHosts.add(host);
  return true;
}

/** The number of `Host` headers; `headers` has only the first. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

/** A flaw that Node's parser accepts but that prevents a correct response; undefined for a valid request. */
export function flawOf(request: IncomingMessage): Flaw | undefined {
  const { httpVersion, rawHeaders, headers } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return malformed(`HTTP/${httpVersion} is not supported; HTTP/1.1 is.`, true);
  }
  if (pathOf(request) === '') return malformed('The request path cannot be decoded.');
  if (hasUnparsedQuery(request)) {
    return malformed(`The query has more than ${MAX_PARAMETERS} parameters.`);
  }
  const hosts = countHosts(rawHeaders);
  if (hosts > 1) return malformed('There is more than one Host header.');
  if (hosts === 0 && httpVersion === '1.1') return malformed('The Host header is missing.');
  if (headers.host !== undefined && !isKnownHost(headers.host)) {
    return malformed(`The Host header must be host[:port], not '${headers.host.slice(0, 100)}'.`);
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    // Its bytes would be taken for the content.
    return malformed(`The transfer coding must be chunked, not '${coding.slice(0, 100)}'.`, true);
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    // Whether the body follows is unknown.
    return { error: new ExpectationFailed(), closesConnection: true };
  }
  return undefined;
}

function malformed(message: string, closesConnection = false): Flaw {
  return { error: new MalformedRequest(message), closesConnection };
}
