import type { IncomingMessage } from 'node:http';
import type { Judge } from '@glimpse/auth';
import { callerOf, judgementOf } from '@glimpse/auth/nestjs';
import { projectOf } from '@glimpse/domain';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Telemetry } from '../telemetry/telemetry.js';
import { answerHeaders, globalRequestIdOf, newRequestId } from './answer-headers.js';
import { answerBrokenRequest, takeOver } from './broken-requests.js';
import { BODY_LIMIT, BodyTooLarge, MethodNotAllowed, RouteNotFound } from './errors.js';
import type { Face } from './face.js';
import { flawOf } from './malformed.js';
import { MAX_OPEN_REQUESTS, MAX_REQUESTS, MOST_CONNECTIONS, REST, SILENCE } from './overload.js';
import { pathOf, rewriteUrl } from './path.js';
import { RequestBodies } from './request-bodies.js';
import { RequestLimit } from './request-limit.js';
import { putInFront, type Shortcut } from './shortcut.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The media type of the body as it was sent, in small letters and without parameters; empty without one. */
    sentMediaType: string;
  }
}

/** The methods that routes have. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;

/** Probes that decide whether the process lives and is sent requests: they wait for nothing, and are never refused. */
const UNLIMITED_PATHS = new Set(['/livez', '/readyz']);

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
  const closeUnused = takeOver(face, fastify.server);
  putInFront(fastify.server, shortcut, telemetry);
  fastify.server.maxConnections = MOST_CONNECTIONS;
  fastify.addHook('preClose', async () => closeUnused());
  const bodies = new RequestBodies();
  // A body stays bytes until its token and its route were looked at.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request: FastifyRequest, body: IncomingMessage) => bodies.read(body));
  telemetry.traces?.follow(fastify);
  fastify.decorateRequest('sentMediaType', '');
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers(answerHeaders(request.id));
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

/** As in Nova the token comes before the route: without one no client learns which routes there are. */
function needsToken(face: Face, request: FastifyRequest): boolean {
  const path = pathOf(request.raw);
  return face.owns(path) && (hasNoRoute(face, request) || !face.isOpen(path));
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

/**
 * Limits the requests that are worked on. A request counts from when it has come in full and its token is known, to
 * when its response is complete: neither slow clients nor those without a token use up what all others share.
 */
function limitRequests(fastify: FastifyInstance, face: Face): void {
  const authenticated = new RequestLimit(MAX_REQUESTS);
  const open = new RequestLimit(MAX_OPEN_REQUESTS);
  fastify.addHook('preHandler', async (request, reply) => {
    if (UNLIMITED_PATHS.has(pathOf(request.raw))) return;
    const limit = needsToken(face, request) ? authenticated : open;
    limit.enter(reply.raw);
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    authenticated.leave(reply.raw);
    open.leave(reply.raw);
    done();
  });
}

/** Whether the router found nothing, or a route whose parameters are none. */
function hasNoRoute(face: Face, request: FastifyRequest): boolean {
  return request.is404 || !face.takes((request.params ?? {}) as Record<string, string>);
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
