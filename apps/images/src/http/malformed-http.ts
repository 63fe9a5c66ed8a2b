import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Api } from './api.js';
import { closingFault } from './closing-fault.js';
import {
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  MethodNotImplemented,
  RequestTimeout,
} from './errors.js';
import { LINGER_MS } from './early-response.js';
import { pendingResponses } from './request-queue.js';

/** The error of Node's event `clientError`. */
interface ParseError extends Error {
  readonly code?: string;
  /** The last packet of the connection, and the position in it at which the parser stopped. */
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

function toDomainError(error: ParseError): Error {
  const { code } = error;
  if (code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLarge();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimeout();
  const method = unknownMethod(error);
  if (method !== undefined) return new MethodNotImplemented(method);
  return new MalformedRequest('The request is not well-formed HTTP.');
}

/** The bytes of a response to malformed HTTP; the connection ends with it. */
function rawResponse(api: Api, error: Error): string {
  const { status, headers, body } = closingFault(api, error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}

/** Connections that end with such a response. Node reports every further packet on them as another error. */
const ending = new WeakSet<Socket>();

/**
 * Ends a connection with a response to malformed HTTP. The responses to complete requests before it are sent first:
 * otherwise the client would mistake this response for one of those.
 */
function endWith(connection: Socket, api: Api, error: Error): void {
  if (ending.has(connection)) return;
  ending.add(connection);
  const respond = (): void => {
    const [earlier] = pendingResponses(connection);
    if (earlier && (earlier.headersSent || earlier.req.complete)) return void earlier.once('close', respond);
    if (!connection.writable) return void connection.destroy();
    connection.on('error', () => undefined);
    connection.end(rawResponse(api, error));
    // Closing with unread bytes resets the connection, and the response may be lost (RFC 9112, 9.6).
    const close = setTimeout(() => connection.destroy(), LINGER_MS).unref();
    connection.once('close', () => clearTimeout(close)).resume();
  };
  respond();
}

/** Responds to malformed HTTP: Node's event `clientError`. */
export function respondToMalformed(api: Api, error: ParseError, connection: Socket): void {
  endWith(connection, api, toDomainError(error));
}

/** Handles requests with other expectations than 100-continue like all others, and refuses CONNECT. */
export function handleSpecialRequests(api: Api, server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  server.on('connect', (_request: IncomingMessage, connection: Socket) => {
    endWith(connection, api, new MethodNotAllowed('CONNECT', 'GET, HEAD, OPTIONS'));
  });
}
