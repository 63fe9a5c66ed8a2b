import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { callerOf } from '@glimpse/auth/nestjs';
import { DomainError } from '@glimpse/domain';
import { hasOwnVia } from '@glimpse/glance';
import type { SourceChanges } from '@glimpse/mirror';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { baseUrlOf } from '../../http/base-url.js';
import { streamOf } from '../../http/body-stream.js';
import type { Cors } from '../../http/cors.js';
import { MalformedRequest, RequestTimeout } from '../../http/errors.js';
import { pathOf } from '../../http/path.js';
import type { PassThrough } from '../../http/pass-through.js';
import { RequestLimit } from '../../http/request-limit.js';
import { dropRest, WHOLE_BODY } from '../../http/rest-of-body.js';
import type { Observations } from '../../telemetry/observations.js';
import type { Telemetry } from '../../telemetry/telemetry.js';
import { GlanceFailed, GlanceSilent, GlanceUnavailable, RequestLoop } from './errors.js';
import type { GlanceConnections, GlanceResponse } from './glance-connections.js';
import { headerOf, requestHeaders, responseHeaders, rewriteLocation } from './headers.js';
import { heldDocument, parsed } from './held-document.js';
import { hasBody, imagesIn, isRead, isTransfer, isUpload, refuseAmbiguous } from './passed-request.js';

/** The most requests that are passed on at a time, besides those for image data. */
const MAX_PASSED_REQUESTS = 256;

export interface PassThroughOptions {
  readonly connections: GlanceConnections;
  /** Glance's URL, without the version. */
  readonly glanceUrl: URL;
  /** The endpoint as clients know it, if it is configured. */
  readonly publicUrl: string | undefined;
  readonly changes: SourceChanges;
  readonly telemetry: Telemetry;
  readonly cors: Cors | undefined;
  /** Milliseconds without a byte in either direction that end a request. */
  readonly silenceMs: number;
  /** The most uploads and downloads at a time. */
  readonly transfers: number;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
}

type Outcome = Observations['request-passed']['outcome'];

/** A response, and its document if that has been read. */
interface Received {
  readonly response: GlanceResponse;
  readonly document: Buffer | undefined;
}

/** Passes requests of the Image API on to the Glance that this service mirrors. */
export class GlancePassThrough implements PassThrough {
  readonly #transfers: RequestLimit;
  readonly #others = new RequestLimit(MAX_PASSED_REQUESTS);
  readonly #uploads = new Set<AbortController>();

  constructor(private readonly options: PassThroughOptions) {
    this.#transfers = new RequestLimit(options.transfers);
  }

  /** The requests that are being passed on. */
  get inProgress(): number {
    return this.#transfers.size + this.#others.size;
  }

  refuseLoop({ headers }: IncomingMessage): void {
    if (hasOwnVia(headers.via)) throw new RequestLoop();
  }

  async passOn(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { telemetry } = this.options;
    try {
      const received = await this.#receive(request, reply);
      telemetry.observe('request-passed', { outcome: await this.#respond(request, reply, received) });
    } catch (error) {
      telemetry.observe('request-passed', { outcome: reply.raw.destroyed ? 'aborted' : outcomeOf(error) });
      if (error instanceof GlanceFailed) this.#report(request, error.reason);
      throw error;
    }
  }

  /** Ends the uploads: the images are without data again, and the clients get a response. */
  endUploads(): void {
    for (const abort of this.#uploads) abort.abort(new GlanceFailed('this replica stops'));
  }

  async #receive(request: FastifyRequest, reply: FastifyReply): Promise<Received> {
    const { method, raw } = request;
    const path = pathOf(raw);
    const { connections, changes, silenceMs } = this.options;
    refuseAmbiguous(raw, callerOf(request));
    (isTransfer(method, path) ? this.#transfers : this.#others).enter(reply.raw);
    connections.check();
    const body = hasBody(raw) ? streamOf(raw, silenceMs) : null;
    const abort = this.#abortOf(reply, body);
    if (isUpload(method, path)) this.#uploads.add(abort);
    const { signal } = abort;
    const change = isRead(method) ? undefined : await changes.begin(imagesIn(path));
    let response: GlanceResponse | undefined;
    let document: Buffer | undefined;
    try {
      response = await connections.send({
        method,
        target: raw.url!,
        headers: requestHeaders(raw),
        body,
        signal,
      });
      // From here on the client gets this response.
      this.#uploads.delete(abort);
      request.passedOn = { sourceRequestId: headerOf(response.headers, 'x-openstack-request-id') };
      if (hasOwnVia(headerOf(response.headers, 'via'))) throw new RequestLoop();
      document = change && (await heldDocument(response));
    } catch (error) {
      response?.body.on('error', () => undefined).destroy();
      await (error instanceof GlanceUnavailable ? change?.withdraw() : change?.settle(undefined));
      throw domainErrorOf(error, signal);
    }
    if (change) {
      // While the mirror catches up with the change, for some seconds at most, silence means nothing.
      reply.raw.setTimeout(0);
      await change.settle({ method, path, status: response.status, body: parsed(document) });
      reply.raw.setTimeout(silenceMs);
    }
    return { response, document };
  }

  /** Ends a request when its client goes away, or when nothing is sent or received for too long. */
  #abortOf({ raw }: FastifyReply, body: Readable | null): AbortController {
    const { silenceMs } = this.options;
    const abort = new AbortController();
    raw.once('close', () => {
      this.#uploads.delete(abort);
      if (!raw.writableFinished) abort.abort(new MalformedRequest('The client has closed the connection.'));
    });
    raw.setTimeout(silenceMs, () => {
      const waitsForClient = body?.readableLength === 0 && !raw.req.complete;
      abort.abort(waitsForClient ? new RequestTimeout() : new GlanceSilent(silenceMs));
    });
    return abort;
  }

  /** Sends the response as Glance has sent it. What cannot be completed is broken off, and never ends as if it were. */
  async #respond(
    request: FastifyRequest,
    reply: FastifyReply,
    { response, document }: Received,
  ): Promise<Outcome> {
    const { status, statusText, body } = response;
    const isEarly = !request.raw.complete;
    const headers = this.#responseHeaders(request, response);
    if (isEarly || this.options.stopping.aborted) headers.push('Connection', 'close');
    const { raw } = reply.hijack();
    raw.writeHead(status, statusText, headers);
    try {
      if (request.method === 'HEAD' || status === 304) body.on('error', () => undefined).resume();
      else {
        if (document) raw.write(document);
        if (!body.readableEnded) await pipeline(body, raw, { end: false });
      }
      if (isEarly) await dropRest(request.raw, WHOLE_BODY);
      raw.end();
      return 'done';
    } catch (error) {
      const isClient = raw.destroyed;
      raw.destroy();
      if (!isClient) this.#report(request, (error as NodeJS.ErrnoException).code ?? String(error));
      return isClient ? 'aborted' : 'broken';
    }
  }

  #responseHeaders({ raw }: FastifyRequest, { headers }: GlanceResponse): string[] {
    const { glanceUrl, publicUrl, cors } = this.options;
    const base = baseUrlOf(raw, publicUrl);
    const { host } = raw.headers;
    const forPages: Record<string, string> = cors
      ? { ...cors.responseHeaders(raw.headers), vary: 'Origin' }
      : {};
    return [
      ...responseHeaders(headers, (location) => rewriteLocation(location, glanceUrl, base, host)),
      ...Object.entries(forPages).flat(),
    ];
  }

  #report({ id: requestId, method, raw, passedOn }: FastifyRequest, reason: string): void {
    const { sourceRequestId } = passedOn ?? {};
    const path = pathOf(raw);
    this.options.telemetry.observe('pass-through-failed', {
      requestId,
      sourceRequestId,
      method,
      path,
      reason,
    });
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof GlanceUnavailable) return 'unavailable';
  return error instanceof GlanceFailed || error instanceof GlanceSilent ? 'failed' : 'refused';
}

function domainErrorOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof DomainError) return error;
  if (signal.aborted) return signal.reason;
  return new GlanceFailed((error as NodeJS.ErrnoException).code ?? String(error), { cause: error });
}
