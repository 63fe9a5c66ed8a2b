import type { FastifyInstance } from 'fastify';
import type { Api } from './api.js';
import {
  MAX_DOWNLOAD_BYTES,
  MAX_OPEN_REQUESTS,
  MAX_OPEN_UNREAD_BYTES,
  MAX_REQUESTS,
  MAX_UNREAD_BYTES,
  Overloaded,
} from './overload.js';
import { pathOf } from './path.js';
import { RequestLimit } from './request-limit.js';
import { needsToken } from './route.js';
import { UnreadResponses } from './unread-responses.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ends the counting of a request. For responses that are written without Fastify, whose hooks do not run. */
    leaveLimit: () => void;
  }
  interface FastifyInstance {
    /** Downloads of image data, by what each holds in memory. */
    readonly downloads: UnreadResponses;
  }
}

/** The probes of liveness and readiness: they wait for nothing and are never refused. */
const UNLIMITED_PATHS = new Set(['/livez', '/readyz']);

/** Headers that describe the refused response. */
const DOCUMENT_HEADERS = ['age', 'content-length', 'content-type', 'etag', 'last-modified'];

/**
 * Limits the requests that are processed at a time. A request counts from the point where it has been received in full
 * and is authenticated, until its response is complete: neither slow clients nor those without a token use up the limit.
 */
export function limitRequests(fastify: FastifyInstance, api: Api): void {
  const authenticated = new RequestLimit(MAX_REQUESTS);
  const open = new RequestLimit(MAX_OPEN_REQUESTS);
  fastify.decorateRequest('leaveLimit', () => undefined);
  fastify.addHook('preHandler', async (request, reply) => {
    if (UNLIMITED_PATHS.has(pathOf(request.raw))) return;
    const limit = needsToken(api, request) ? authenticated : open;
    limit.enter(reply.raw);
    request.leaveLimit = () => limit.leave(reply.raw);
  });
  fastify.addHook('onSend', (request, _reply, _payload, done) => {
    request.leaveLimit();
    done();
  });
}

/** Milliseconds in which a client of a download reads a chunk, unless it is stalled. */
const STALLED_DOWNLOAD_MS = 10_000;

/** Unread responses of a process; its servers share the limits, because they share its memory. */
export class UnreadLimits {
  /** Responses to authenticated requests. */
  readonly authenticated = new UnreadResponses(MAX_UNREAD_BYTES);
  /** Responses to requests that need no token. */
  readonly open = new UnreadResponses(MAX_OPEN_UNREAD_BYTES);
  /** Downloads of image data. Theirs are chunks of a size that a slow network needs some seconds for. */
  readonly downloads = new UnreadResponses(MAX_DOWNLOAD_BYTES, STALLED_DOWNLOAD_MS);
}

/** Limits the bytes of responses that clients have not yet read. A response beyond the limit is refused. */
export function limitUnread(fastify: FastifyInstance, api: Api, unread: UnreadLimits): void {
  fastify.decorate('downloads', unread.downloads);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const bytes = bytesOf(payload);
    if (!bytes) return done();
    const limit = needsToken(api, request) ? unread.authenticated : unread.open;
    if (!limit.admits(bytes.length)) {
      for (const name of DOCUMENT_HEADERS) reply.removeHeader(name);
      const { status, headers, body } = api.faultOf(new Overloaded());
      void reply.code(status).headers(headers);
      return done(null, Buffer.from(body));
    }
    limit.count(reply.raw, bytes.length);
    const sent = request.method === 'HEAD' ? bytes : limit.inPieces(reply.raw, bytes);
    if (sent !== bytes) void reply.header('content-length', bytes.length);
    return done(null, sent);
  });
}

function bytesOf(payload: unknown): Uint8Array | undefined {
  if (typeof payload === 'string') return Buffer.from(payload);
  return payload instanceof Uint8Array ? payload : undefined;
}
