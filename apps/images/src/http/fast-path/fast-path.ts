import {
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { projectOf, type Identity } from '@glimpse/domain';
import type { Telemetry } from '../../telemetry/telemetry.js';
import { globalRequestIdOf } from '../response-headers.js';
import type { Connections } from '../connections.js';
import { flawOf } from '../malformed.js';
import { oneAtATime } from './pipelining.js';
import { pathOf, rewriteUrl } from '../path.js';
import type { UnreadResponses } from '../unread-responses.js';

/** A whole answer, and what is known of its request. Nothing that a client sent may be in it unchecked. */
export interface AnswerAtOnce {
  readonly status: number;
  /** Lines, each with its end; those that are the connection's come behind them. */
  readonly headers: string;
  /** A character for each byte. */
  readonly body: string;
  readonly requestId: string;
  readonly caller: Identity;
  /** The pattern of the route that would have answered. */
  readonly route: string;
}

/**
 * Answers a request at once, or says that it cannot; then the request goes its way as if nothing had been. It
 * is asked about reads without a body that nothing is wrong with.
 *
 * @param path the decoded path
 */
export type Shortcut = (request: IncomingMessage, path: string) => AnswerAtOnce | undefined;

/** What answers of a shortcut are counted by. */
export interface ShortcutParts {
  readonly telemetry: Telemetry;
  readonly connections: Connections;
  readonly unread: UnreadResponses;
}

/**
 * Puts a shortcut in front of all that answers the requests of a server: as Fastify's first hook it would
 * cost more than twice as much on top of a bare server. What it answers is logged and counted like anything
 * else, with the time until its answer was on its way.
 */
export function putInFront(
  server: Server,
  shortcut: Shortcut,
  { telemetry, connections, unread }: ShortcutParts,
): void {
  const [listener] = server.listeners('request') as [RequestListener];
  const connectionLines = connectionLinesOf(server);
  server.removeAllListeners('request');
  const serve: RequestListener = (request, response) => {
    const from = performance.now();
    let answer: AnswerAtOnce | undefined;
    try {
      if (keeps(request, response) && !unread.isFull && isPlain(request))
        answer = shortcut(request, pathOf(request));
    } catch {
      // It goes wrong again the long way, and is answered there.
    }
    const { socket } = request;
    if (!answer) {
      connections.busy(socket, response);
      listener(request, response);
      return;
    }
    send(response, answer, connectionLines(from));
    if (socket.writableLength > 0) unread.countWritten(socket);
    connections.answered(socket, from);
    const { requestId, caller, route, status } = answer;
    telemetry.observe('request-served', {
      requestId,
      globalRequestId: globalRequestIdOf(request.headers),
      userId: caller.userId,
      projectId: projectOf(caller) ?? undefined,
      method: request.method!,
      path: pathOf(request),
      route,
      status,
      duration: Math.round((performance.now() - from) * 1000) / 1e6,
    });
  };
  server.on('request', oneAtATime(serve));
}

/** Whether a request reads, has no body, and nothing is wrong with it; its path is known then. */
function isPlain(request: IncomingMessage): boolean {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false;
  rewriteUrl(request);
  return flawOf(request) === undefined;
}

/** Whether a connection stays open after an answer. */
function keeps({ httpVersion }: IncomingMessage, { shouldKeepAlive }: ServerResponse): boolean {
  return shouldKeepAlive && httpVersion === '1.1';
}

/**
 * Writes an answer to its connection as it is. Node's response would check, join and account for the same
 * headers again each time, which costs more than all that leads to an answer. That it is finished is all that
 * Node hears, and does what it does then: the next request of the connection, and its time of rest. As somebody
 * began to read the request, Node does not run a body that it has not through its streams.
 */
function send(response: ServerResponse, { status, headers, body }: AnswerAtOnce, lines: string): void {
  const text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}${lines}\r\n${body}`;
  response.socket!.write(text, 'latin1');
  response.req.read();
  response.emit('finish');
}

/**
 * The headers that Node adds to the answers of a server, made once a second.
 *
 * @returns of the time now, by `performance.now()`
 */
function connectionLinesOf(server: Server): (now: number) => string {
  let until = -Infinity;
  let lines = '';
  return (now) => {
    if (now >= until) {
      const date = new Date();
      until = now + 1000 - date.getMilliseconds();
      lines =
        `Date: ${date.toUTCString()}\r\nConnection: keep-alive\r\n` +
        `Keep-Alive: timeout=${Math.floor(server.keepAliveTimeout / 1000)}\r\n`;
    }
    return lines;
  };
}
