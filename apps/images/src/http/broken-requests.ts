import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerHeaders, newRequestId } from './response-headers.js';
import {
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  MethodNotImplemented,
  RequestTimeout,
} from './errors.js';
import type { Face } from './api.js';
import { oneAtATime } from './fast-path/pipelining.js';

/** What Node reports of bytes that are no request, in its event `clientError`. */
interface ParseError extends Error {
  readonly code?: string;
  /** What came last on the connection, and where in it the parser stopped. */
  readonly rawPacket?: unknown;
  readonly bytesParsed?: number;
}

/** A well-formed request line (RFC 9112, 3), and its method. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) \S+ HTTP\/1\.[01]$/;

/** The method of the request line at which the parser stopped, where that line is well-formed. */
function unknownMethod({ code = '', rawPacket, bytesParsed = 0 }: ParseError): string | undefined {
  if (!Buffer.isBuffer(rawPacket) || !/^HPE_INVALID_(?:METHOD|CONSTANT)$/.test(code)) return undefined;
  const from = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf('\n', bytesParsed - 1) + 1;
  const to = rawPacket.indexOf('\r\n', from);
  return to < 0 ? undefined : REQUEST_LINE.exec(rawPacket.toString('latin1', from, to))?.[1];
}

/** What Node's HTTP parser found wrong. */
function finding(error: ParseError): Error {
  const { code } = error;
  if (code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLarge();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimeout();
  const method = unknownMethod(error);
  if (method !== undefined) return new MethodNotImplemented(method);
  return new MalformedRequest('The request is not well-formed HTTP.');
}

/** The bytes of an answer where there is no request to answer: the connection ends with it. */
function rawAnswer(face: Face, error: unknown): string {
  const { status, headers, body } = face.faultOf(error);
  const all = {
    ...answerHeaders(newRequestId()),
    ...headers,
    'content-length': Buffer.byteLength(body),
    date: new Date().toUTCString(),
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}

/** How long a client may go on sending after it was sent its last answer, in milliseconds. */
const LINGER = 2_000;

/**
 * Hears no more requests on a connection: what still comes is dropped. That somebody listens to the data ends that
 * Node's parser reads it, and with it what began to read again where that had been stopped.
 */
function deafen(connection: Duplex): void {
  connection.removeAllListeners('data').on('data', () => undefined);
  connection.on('resume', () => connection._read(0));
  connection.on('error', () => undefined).resume();
}

/**
 * Ends a connection with what was last written, and drops what the client still sends, for a while: to close
 * on unread bytes resets the connection, and the answer may be lost with it (RFC 9112, 9.6).
 */
function endGently(connection: Duplex): void {
  deafen(connection);
  connection.end(() => {
    const close = setTimeout(() => connection.destroy(), LINGER).unref();
    connection.once('close', () => clearTimeout(close));
  });
}

/** A connection, and the response that it is busy with, as Node keeps it. */
type Connection = Duplex & { _httpMessage?: ServerResponse | null };

/**
 * Ends a connection with an answer to what is none of its requests. Those that came whole before are answered
 * first: the answer would be taken for one of theirs.
 */
function endWith(connection: Connection, face: Face, error: unknown): void {
  deafen(connection);
  const answer = (): void => {
    const earlier = connection._httpMessage;
    if (!connection.writable) return;
    if (earlier && (earlier.headersSent || earlier.req.complete)) {
      earlier.once('close', answer);
    } else {
      connection.write(rawAnswer(face, error));
      endGently(connection);
    }
  };
  answer();
}

/** Answers what is not HTTP; Fastify's `clientErrorHandler`. */
export function answerBrokenRequest(face: Face, error: ParseError, connection: Duplex): void {
  endWith(connection, face, finding(error));
}

/**
 * Takes over what Node's server would do by itself: answer expectations, of which all but 100-continue become
 * requests like any other; answer CONNECT; close a connection as soon as its last answer is sent; owe a client
 * its answers once that has said that it sends nothing more; and set two timers a request, when a connection
 * wakes and when it rests again, which is a tenth of what the shortest answers cost. The one that it set for
 * silence when the connection came does for both.
 */
export function takeOver(face: Face, server: Server & { httpAllowHalfOpen?: boolean }): void {
  server.httpAllowHalfOpen = true;
  server.on('connection', (connection: Socket) => {
    connection.destroySoon = () => endGently(connection);
    connection.setTimeout = () => connection;
  });
  // Behind answers that are still due Node would send it in the midst of its own.
  const goOn = oneAtATime((request, response) => {
    response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkContinue', goOn);
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  server.on('connect', (_request: IncomingMessage, connection: Duplex) => {
    endWith(connection, face, new MethodNotAllowed('CONNECT', 'GET, HEAD, OPTIONS'));
  });
}
