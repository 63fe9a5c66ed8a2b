import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { RequestAuthenticator } from '@glimpse/auth';
import { callerOf, authenticationOf } from '@glimpse/auth/nestjs';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { Telemetry } from '../telemetry/telemetry.js';
import type { Api } from './api.js';
import { streamOf } from './body-stream.js';
import { Connections } from './connections.js';
import type { Cors } from './cors.js';
import { completeEarlyResponses } from './early-response.js';
import { closingFault } from './closing-fault.js';
import { BodyTooLarge, MethodNotAllowed, RouteNotFound } from './errors.js';
import { serveReady, type FastPath } from './fast-path/fast-path.js';
import { limitRequests, limitUnread, type UnreadLimits } from './limits.js';
import { handleSpecialRequests, respondToMalformed } from './malformed-http.js';
import { MAX_CONNECTIONS, Overloaded, REST_MS, SILENCE_MS } from './overload.js';
import type { PassThrough } from './pass-through.js';
import { pathOf, rewriteUrl } from './path.js';
import { RequestBodies } from './request-bodies.js';
import { flawOf } from './request-flaw.js';
import { oneAtATime } from './request-queue.js';
import { newRequestId } from './response-headers.js';
import { hasNoRoute, needsToken } from './route.js';
import { observeServed } from './served-request.js';
import type { Traces } from './traces.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The media type of the body, in lower case and without parameters; empty without one. */
    sentMediaType: string;
  }
}

/** The parts of a server besides its API. */
export interface ServerParts {
  readonly auth: RequestAuthenticator;
  readonly telemetry: Telemetry;
  readonly traces?: Traces | undefined;
  readonly cors?: Cors | undefined;
  readonly unread: UnreadLimits;
  /** Serves requests whose response is ready. */
  readonly fastPath: FastPath;
  /** Serves the requests of the API that have no route. */
  readonly passThrough?: PassThrough | undefined;
}

/**
 * The HTTP server of an API, under Nest: everything that applies to all routes. Each request gets its id and its path,
 * is measured, and is refused here when it is malformed or has no route.
 */
export function createServer(api: Api, parts: ServerParts): FastifyAdapter {
  const { auth, telemetry, traces, cors, unread, fastPath, passThrough } = parts;
  let connections!: Connections;
  const adapter = new FastifyAdapter({
    logger: false,
    skipMiddie: true,
    rewriteUrl: (request: IncomingMessage) => rewriteUrl(request, api.paths),
    genReqId: newRequestId,
    bodyLimit: api.maxBodyBytes,
    // Metadata keys and ids of any length reach their routes, which have an error for them.
    routerOptions: { maxParamLength: 65_536 },
    clientErrorHandler: (error, socket) => respondToMalformed(api, error, socket),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    serverFactory(listener: RequestListener) {
      const server = openServer(api);
      connections = new Connections(server, MAX_CONNECTIONS, SILENCE_MS);
      const serve = serveReady(
        fastPath,
        { api, telemetry, connections, unread: unread.authenticated },
        listener,
      );
      // Sent while earlier responses are due, the interim response would be mistaken for one of them.
      const serveContinue: RequestListener = (request, response) => {
        response.writeContinue();
        serve(request, response);
      };
      server.on('request', oneAtATime(serve, refuse(api)));
      server.on('checkContinue', oneAtATime(serveContinue, refuse(api)));
      return server;
    },
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.addHook('preClose', async () => connections.closeUnused());
  const bodies = new RequestBodies(api.maxBodyBytes);
  // A body is parsed only after the token and the route have been checked.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', async (request: FastifyRequest, body: IncomingMessage) =>
    hasStreamedBody(api, request) ? streamOf(body, api.timeLimits.silenceMs) : bodies.read(body),
  );
  traces?.follow(fastify);
  fastify.decorateRequest('sentMediaType', '');
  fastify.decorateRequest('passedOn', null);
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers(api.responseHeaders(request.id));
    if (cors) allowOrigin(cors, request, reply);
    refuseMalformed(request, reply);
    passThrough?.refuseLoop(request.raw);
    if (passThrough && isPassedOn(api, request)) request.passedOn = {};
    refuseDeclaredBody(api, request, reply);
    // Fastify would refuse some types before the token is checked; the API decides which it reads.
    request.sentMediaType = mediaTypeOf(request.raw.headers['content-type']);
    delete request.raw.headers['content-type'];
    if (request.method !== 'OPTIONS' && needsToken(api, request)) await authenticate(auth, request);
    if (passThrough && request.passedOn) return passThrough.passOn(request, reply);
    if (ignoresBody(api, request)) await dropChunkedBody(bodies, request, reply);
    if (request.method === 'OPTIONS') return respondToOptions(fastify, api, request, reply);
    if (hasNoRoute(api, request)) refuseUnknownRoute(fastify, api, request);
  });
  limitRequests(fastify, api);
  limitUnread(fastify, api, unread);
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    if (!request.raw.complete && hasStreamedBody(api, request)) void reply.header('connection', 'close');
    done();
  });
  completeEarlyResponses(
    fastify,
    ({ method, raw, passedOn }) => passedOn !== null || api.isUpload(method, pathOf(raw)),
  );
  fastify.addHook('onResponse', (request, reply, done) => {
    observeServed(telemetry, request.raw, {
      api: api.name,
      requestId: request.id,
      caller: callerOf(request),
      route: request.passedOn ? 'pass-through' : (request.routeOptions.url ?? 'none'),
      sourceRequestId: request.passedOn?.sourceRequestId,
      status: reply.statusCode,
      milliseconds: reply.elapsedTime,
    });
    done();
  });
  return adapter;
}

/** Milliseconds in which a request head has to arrive. */
const HEADERS_MS = 15_000;

function openServer(api: Api): Server {
  const { requestMs, silenceMs } = api.timeLimits;
  const server = createHttpServer({
    requireHostHeader: false,
    headersTimeout: requestMs > 0 ? Math.min(HEADERS_MS, requestMs) : HEADERS_MS,
    requestTimeout: requestMs,
    keepAliveTimeout: REST_MS,
    connectionsCheckingInterval: 1_000,
  });
  server.setTimeout(silenceMs);
  handleSpecialRequests(api, server);
  return server;
}

/** Refuses a request beyond the queue of its connection, and closes the connection. */
function refuse(api: Api): RequestListener {
  return (_request, response) => {
    const { status, headers, body } = closingFault(api, new Overloaded());
    response.writeHead(status, headers).end(body);
  };
}

/** Responses vary by `Origin`, also those to requests without one. */
function allowOrigin(cors: Cors, { method, headers }: FastifyRequest, reply: FastifyReply): void {
  const forPage = method === 'OPTIONS' ? cors.preflightHeaders(headers) : cors.responseHeaders(headers);
  void reply.headers({ ...forPage, vary: `${String(reply.getHeader('vary'))}, Origin` });
}

/** Refuses flaws that Node's parser accepts but that prevent a correct response. */
function refuseMalformed({ raw }: FastifyRequest, reply: FastifyReply): void {
  const flaw = flawOf(raw);
  // The message framing is unreliable (RFC 9112, 6.1).
  const faultyFraming = raw.httpVersion === '1.0' && raw.headers['transfer-encoding'] !== undefined;
  if (faultyFraming) void reply.header('connection', 'close');
  if (!flaw) return;
  if (flaw.closesConnection) void reply.header('connection', 'close');
  throw flaw.error;
}

function mediaTypeOf(contentType = ''): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/** Whether a request has no route here but belongs to the API. Which methods a path has is known here. */
function isPassedOn(api: Api, request: FastifyRequest): boolean {
  return request.method !== 'OPTIONS' && api.owns(pathOf(request.raw)) && hasNoRoute(api, request);
}

/** Whether the body of a request is read as a stream of any length, or passed on as one. */
function hasStreamedBody(api: Api, { method, raw, passedOn }: FastifyRequest): boolean {
  return passedOn !== null || api.streamsBody(method, pathOf(raw));
}

/** A body that is declared too large is not read: the connection ends with the response. */
function refuseDeclaredBody(api: Api, request: FastifyRequest, reply: FastifyReply): void {
  const declared = Number(request.raw.headers['content-length'] ?? 0);
  if (declared <= api.maxBodyBytes || hasStreamedBody(api, request)) return;
  void reply.header('connection', 'close');
  throw new BodyTooLarge(api.maxBodyBytes);
}

/** Whether the body of a request is ignored. As in Nova, it is then read up to the limit and dropped. */
function ignoresBody(api: Api, request: FastifyRequest): boolean {
  const { method } = request;
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || hasNoRoute(api, request);
}

/** Only a chunked body has to be read to check it against the limit. */
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
 * Authenticates a request before its body is received or the database is queried.
 *
 * @throws {Unauthenticated} {AuthenticationUnavailable}
 */
async function authenticate(auth: RequestAuthenticator, { raw }: FastifyRequest): Promise<void> {
  const { method = 'GET', headers } = raw;
  const identity = authenticationOf(auth, { method, path: pathOf(raw), headers, socket: raw.socket }, raw);
  if (identity instanceof Promise) await identity;
}

/** The methods that the path of a request has. */
function allowed(fastify: FastifyInstance, api: Api, { raw }: FastifyRequest): string[] {
  const url = (raw.url ?? '/').split('?', 1)[0]!;
  return api.methods.filter((method) => {
    const route = fastify.findRoute({ method: method as HTTPMethods, url });
    return route && api.acceptsParameters(route.params as Record<string, string>);
  });
}

function respondToOptions(
  fastify: FastifyInstance,
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const methods = allowed(fastify, api, request);
  if (methods.length > 0) void reply.header('allow', [...methods, 'OPTIONS'].join(', '));
  return reply.code(200).send();
}

function refuseUnknownRoute(fastify: FastifyInstance, api: Api, request: FastifyRequest): never {
  const methods = allowed(fastify, api, request);
  if (methods.length === 0) throw new RouteNotFound();
  throw new MethodNotAllowed(request.method, [...methods, 'OPTIONS'].join(', '));
}
