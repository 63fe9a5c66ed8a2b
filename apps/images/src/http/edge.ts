import type { IncomingMessage } from 'node:http';
import { judgeRequest, type Judge } from '@glimpse/auth';
import { callerOf } from '@glimpse/auth/nestjs';
import { projectOf } from '@glimpse/domain';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Telemetry } from '../telemetry/telemetry.js';
import { answerHeaders, globalRequestIdOf, newRequestId } from './answer-headers.js';
import { answerBrokenRequest, takeOver } from './broken-requests.js';
import { BODY_LIMIT, BodyTooLarge, MethodNotAllowed, RouteNotFound } from './errors.js';
import type { Face } from './face.js';
import { flawOf } from './malformed.js';
import { MOST_CONNECTIONS, REST, RequestLimit, SILENCE } from './overload.js';
import { pathOf, rewriteUrl } from './path.js';
import { putInFront, type Shortcut } from './shortcut.js';

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
  const limit = new RequestLimit();
  // A body stays bytes until its token and its route were looked at.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  telemetry.traces?.follow(fastify);
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers(answerHeaders(request.id));
    // Whoever asks how the service is does so above all when it has too much to do.
    if (face.owns(pathOf(request.raw))) limit.enter(reply.raw);
    refuseMalformed(request, reply);
    await readUnusedBody(face, request, reply);
    // What a body is called does not matter, as in Nova; Fastify would refuse some names.
    delete request.raw.headers['content-type'];
    if (request.method === 'OPTIONS') return answerOptions(fastify, face, request, reply);
    if (hasNoRoute(face, request)) await refuseUnknownRoute(fastify, face, judge, request);
  });
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
  if (!flaw) return;
  if (flaw.final) void reply.header('connection', 'close');
  throw flaw.error;
}

/**
 * A body that no route takes is read up to the limit and ignored, as in Nova. Beyond it the connection ends
 * with the answer: nothing would be gained by reading on.
 */
async function readUnusedBody(face: Face, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { raw, method } = request;
  const declared = Number(raw.headers['content-length'] ?? 0);
  const unused = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || hasNoRoute(face, request);
  const chunked = raw.headers['transfer-encoding'] !== undefined;
  if (declared > BODY_LIMIT || (unused && chunked && !(await endsWithin(raw, BODY_LIMIT)))) {
    void reply.header('connection', 'close');
    throw new BodyTooLarge();
  }
}

function endsWithin(body: IncomingMessage, limit: number): Promise<boolean> {
  let length = 0;
  return new Promise((resolve) => {
    const settle = (within: boolean): void => {
      body.off('data', count).resume();
      resolve(within);
    };
    const count = (chunk: Buffer): void => {
      if ((length += chunk.length) > limit) settle(false);
    };
    body.on('data', count);
    body.once('end', () => settle(true));
    body.once('close', () => settle(true));
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

/** As in Nova the token comes first: whoever has none does not learn which routes there are. */
async function refuseUnknownRoute(
  fastify: FastifyInstance,
  face: Face,
  judge: Judge,
  request: FastifyRequest,
): Promise<never> {
  const path = pathOf(request.raw);
  const { method, headers } = request;
  if (face.owns(path)) await judgeRequest(judge, { method, path, headers });
  const methods = allowed(fastify, face, request);
  if (methods.length === 0) throw new RouteNotFound();
  throw new MethodNotAllowed(method, [...methods, 'OPTIONS'].join(', '));
}
