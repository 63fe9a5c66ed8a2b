import type { IncomingMessage } from 'node:http';
import type { Judge } from '@glimpse/auth';
import { callerOf, judgementOf } from '@glimpse/auth/nestjs';
import { projectOf } from '@glimpse/domain';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Telemetry } from '../telemetry/telemetry.js';
import { answerHeaders, globalRequestIdOf, newRequestId } from './response-headers.js';
import { answerBrokenRequest, takeOver } from './broken-requests.js';
import type { Cors } from './cors.js';
import { BODY_LIMIT, BodyTooLarge, MethodNotAllowed, RouteNotFound } from './errors.js';
import type { Face } from './api.js';
import { flawOf } from './malformed.js';
import { MAX_CONNECTIONS, MAX_UNREAD_BYTES, REST, SILENCE } from './overload.js';
import { pathOf, rewriteUrl } from './path.js';
import { RequestBodies } from './request-bodies.js';
import { limitRequests, limitUnread } from './limits.js';
import { Connections } from './connections.js';
import { UnreadResponses } from './unread-responses.js';
import { hasNoRoute, needsToken } from './route.js';
import { putInFront, type Shortcut } from './fast-path/fast-path.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The media type of the body as it was sent, in small letters and without parameters; empty without one. */
    sentMediaType: string;
  }
}

/** The methods that routes have. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;

/**
 * The HTTP server under Nest: what holds for every request whatever its route. Each gets its ids and its
 * path, is measured, and is refused here when it is malformed or no route has it.
 *
 * @param shortcut tried first, for requests that nothing here has anything to say about
 */
export function createEdge(
  face: Face,
  judge: Judge,
  telemetry: Telemetry,
  cors: Cors | undefined,
  shortcut: Shortcut,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    logger: false,
    skipMiddie: true,
    rewriteUrl,
    genReqId: newRequestId,
    bodyLimit: BODY_LIMIT,
    // Metadata keys and ids of any length reach their routes, which know what to say.
    routerOptions: { maxParamLength: 65_536 },
    clientErrorHandler: (error, socket) => answerBrokenRequest(face, error, socket),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: 30_000,
    connectionTimeout: SILENCE,
    keepAliveTimeout: REST,
    http: { requireHostHeader: false, headersTimeout: 15_000, connectionsCheckingInterval: 1_000 },
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  takeOver(face, fastify.server);
  const connections = new Connections(fastify.server, MAX_CONNECTIONS, SILENCE);
  const unread = new UnreadResponses(MAX_UNREAD_BYTES);
  putInFront(fastify.server, shortcut, { telemetry, connections, unread });
  fastify.addHook('preClose', async () => connections.closeUnused());
  const bodies = new RequestBodies();
  // A body stays bytes until its token and its route were looked at.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request: FastifyRequest, body: IncomingMessage) => bodies.read(body));
  telemetry.traces?.follow(fastify);
  fastify.decorateRequest('sentMediaType', '');
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers(answerHeaders(request.id));
    if (cors) allowOrigin(cors, request, reply);
    refuseMalformed(request, reply);
    refuseDeclaredBody(request, reply);
    // Fastify would refuse some types before the token is known; the API decides which it reads.
    request.sentMediaType = mediaTypeOf(request.raw.headers['content-type']);
    delete request.raw.headers['content-type'];
    if (request.method !== 'OPTIONS' && needsToken(face, request)) await authenticate(judge, request);
    if (ignoresBody(face, request)) await dropChunkedBody(bodies, request, reply);
    if (request.method === 'OPTIONS') return answerOptions(fastify, face, request, reply);
    if (hasNoRoute(face, request)) refuseUnknownRoute(fastify, face, request);
  });
  limitRequests(fastify, face);
  limitUnread(fastify, face, unread);
  fastify.addHook('onResponse', (request, reply, done) => {
    const caller = callerOf(request);
    telemetry.observe('request-served', {
      requestId: request.id,
      globalRequestId: globalRequestIdOf(request.headers),
      userId: caller?.userId,
      projectId: caller && (projectOf(caller) ?? undefined),
      method: request.method,
      path: pathOf(request.raw),
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      duration: Math.round(reply.elapsedTime * 1000) / 1e6,
    });
    done();
  });
  return adapter;
}

/** Whether a page may read a response depends on its origin, also where none is named. */
function allowOrigin(cors: Cors, { method, headers }: FastifyRequest, reply: FastifyReply): void {
  const forPage = method === 'OPTIONS' ? cors.preflightHeaders(headers) : cors.responseHeaders(headers);
  void reply.headers({ ...forPage, vary: `${String(reply.getHeader('vary'))}, Origin` });
}

/** Refuses what Node's parser lets through, and what no answer can be built on. */
function refuseMalformed({ raw }: FastifyRequest, reply: FastifyReply): void {
  const flaw = flawOf(raw);
  // Its framing is not to be trusted (RFC 9112, 6.1).
  const faultyFraming = raw.httpVersion === '1.0' && raw.headers['transfer-encoding'] !== undefined;
  if (faultyFraming) void reply.header('connection', 'close');
  if (!flaw) return;
  if (flaw.final) void reply.header('connection', 'close');
  throw flaw.error;
}

function mediaTypeOf(contentType = ''): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/** A body that is declared too large ends the connection with the response: nothing would be gained by reading it. */
function refuseDeclaredBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (Number(raw.headers['content-length'] ?? 0) <= BODY_LIMIT) return;
  void reply.header('connection', 'close');
  throw new BodyTooLarge();
}

/** Whether nothing depends on the body of a request. As in Nova, it is then read up to the limit and dropped. */
function ignoresBody(face: Face, request: FastifyRequest): boolean {
  const { method } = request;
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || hasNoRoute(face, request);
}

/** Only a chunked body has to be read to know that it stays within the limit. */
async function dropChunkedBody(
  bodies: RequestBodies,
  { raw }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (raw.headers['transfer-encoding'] === undefined) return;
  try {
    await bodies.drop(raw);
  } catch (error) {
    void reply.header('connection', 'close');
    throw error;
  }
}

/**
 * Authenticates a request before anything waits for its body or for the database.
 *
 * @throws {Unauthenticated} {AuthenticationUnavailable}
 */
async function authenticate(judge: Judge, { raw }: FastifyRequest): Promise<void> {
  const { method = 'GET', headers } = raw;
  const identity = judgementOf(judge, { method, path: pathOf(raw), headers, socket: raw.socket }, raw);
  if (identity instanceof Promise) await identity;
}

/** The methods that the path of a request has. */
function allowed(fastify: FastifyInstance, face: Face, { raw }: FastifyRequest): string[] {
  const url = (raw.url ?? '/').split('?', 1)[0]!;
  return METHODS.filter((method) => {
    const route = fastify.findRoute({ method, url });
    return route && face.takes(route.params as Record<string, string>);
  });
}

function answerOptions(
  fastify: FastifyInstance,
  face: Face,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const methods = allowed(fastify, face, request);
  if (methods.length > 0) void reply.header('allow', [...methods, 'OPTIONS'].join(', '));
  return reply.code(200).send();
}

function refuseUnknownRoute(fastify: FastifyInstance, face: Face, request: FastifyRequest): never {
  const methods = allowed(fastify, face, request);
  if (methods.length === 0) throw new RouteNotFound();
  throw new MethodNotAllowed(request.method, [...methods, 'OPTIONS'].join(', '));
}
