import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Identity } from '@glimpse/domain';
import type { Telemetry } from '../../telemetry/telemetry.js';
import type { Api } from '../api.js';
import type { Connections } from '../connections.js';
import { pathOf, rewriteUrl, type PathForm } from '../path.js';
import { flawOf } from '../request-flaw.js';
import { observeServed } from '../served-request.js';
import { PIECE_BYTES, type UnreadResponses } from '../unread-responses.js';

/** A complete response, and what telemetry records of its request. */
export interface ReadyResponse {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: string[];
  /** As text, one character per byte: Node's `latin1`. */
  readonly body: string | Uint8Array;
  readonly requestId: string;
  readonly caller: Identity;
  /** The pattern of the route that would have served the request. */
  readonly route: string;
}

/**
 * Finds the response to a request, or leaves the request to the routes. It is called only for valid reads without a
 * body.
 *
 * @param path the decoded path
 * @returns a promise where the response is composed for another request; undefined where it is not ready
 */
export type FastPath = (
  request: IncomingMessage,
  path: string,
) => ReadyResponse | Promise<ReadyResponse> | undefined;

/** Larger bodies are sent in pieces by the routes, which distinguishes slow clients from stalled ones. */
const MAX_BODY_BYTES = PIECE_BYTES;

export interface FastPathParts {
  readonly api: Pick<Api, 'name' | 'paths'>;
  readonly telemetry: Telemetry;
  readonly connections: Connections;
  readonly unread: UnreadResponses;
}

/**
 * Serves requests whose response is ready, before they enter Fastify; all others are passed to `listener`. Both are
 * logged and counted alike.
 */
export function serveReady(
  fastPath: FastPath,
  { api, telemetry, connections, unread }: FastPathParts,
  listener: RequestListener,
): RequestListener {
  return (request, response) => {
    const from = performance.now();
    const ready = readyFor(request, response);
    if (ready && !(ready instanceof Promise) && isSmall(ready)) {
      send(ready, request, response, from);
      connections.responded(request.socket, from);
      return;
    }
    connections.busy(request.socket, response);
    if (!(ready instanceof Promise)) return listener(request, response);
    ready.then(
      (composed) => {
        if (isSmall(composed) && isOpen(response)) send(composed, request, response, from);
        else listener(request, response);
      },
      // The routes fail in the same way, or have a stale copy.
      () => listener(request, response),
    );
  };

  /** Whether the connection stays open, and clients have not left too much unread. */
  function isOpen(response: ServerResponse): boolean {
    return response.shouldKeepAlive && !unread.isFull;
  }

  function send(
    ready: ReadyResponse,
    request: IncomingMessage,
    response: ServerResponse,
    from: number,
  ): void {
    const { socket } = request;
    const { requestId, caller, route, status, headers, body } = ready;
    response.writeHead(status, headers).end(body, 'latin1');
    if (socket.writableLength > 0) unread.count(response, socket.writableLength);
    const milliseconds = performance.now() - from;
    observeServed(telemetry, request, { api: api.name, requestId, caller, route, status, milliseconds });
  }

  function readyFor(request: IncomingMessage, response: ServerResponse): ReturnType<FastPath> {
    try {
      if (!isOpen(response) || !isPlainRead(request, api.paths)) return undefined;
      return fastPath(request, pathOf(request));
    } catch {
      // The routes fail in the same way, and respond to it.
      return undefined;
    }
  }
}

function isSmall({ body }: ReadyResponse): boolean {
  return body.length <= MAX_BODY_BYTES;
}

/** Whether a request is a valid read without a body; computes its path. */
function isPlainRead(request: IncomingMessage, paths: PathForm): boolean {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false;
  rewriteUrl(request, paths);
  return flawOf(request) === undefined;
}
