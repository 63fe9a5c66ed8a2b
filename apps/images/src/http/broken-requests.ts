import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ExpectationFailed,
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  RequestTimeout,
} from './errors.js';
import type { Face } from './face.js';
import { newRequestId, requestIdHeaders } from './request-id.js';

/** What Node's HTTP parser found wrong. */
function finding(code: string | undefined): Error {
  if (code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLarge();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimeout();
  return new MalformedRequest('The request is not well-formed HTTP.');
}

/** The bytes of an answer where there is no request to answer: the connection ends with it. */
function rawAnswer(face: Face, error: unknown): string {
  const { status, headers, body } = face.faultOf(error);
  const all = {
    ...headers,
    ...requestIdHeaders(newRequestId()),
    'content-length': Buffer.byteLength(body),
    'cache-control': 'private, no-cache',
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}

/** The response that a connection is busy with, as Node keeps it. */
type Connection = Duplex & { _httpMessage?: ServerResponse };

/**
 * Answers what is not HTTP; Fastify's `clientErrorHandler`. Where an earlier request of the connection is
 * still being answered, an answer here would be taken for that one's: the connection just ends.
 */
export function answerBrokenRequest(
  face: Face,
  error: Error & { code?: string },
  connection: Connection,
): void {
  const answering = connection._httpMessage;
  if (!connection.writable || answering?.headersSent || answering?.req.complete) {
    connection.destroy();
  } else {
    connection.end(rawAnswer(face, finding(error.code)));
  }
}

/** Answers what Node's server would answer, or not, by itself: expectations but 100-continue, and CONNECT. */
export function answerUnusualRequests(face: Face, server: Server): void {
  server.on('checkExpectation', ({ socket }: IncomingMessage) => {
    socket.end(rawAnswer(face, new ExpectationFailed()));
  });
  server.on('connect', (_request: IncomingMessage, connection: Duplex) => {
    connection.end(rawAnswer(face, new MethodNotAllowed('CONNECT', 'GET, HEAD, OPTIONS')));
  });
}
