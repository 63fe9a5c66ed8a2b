import type { Authenticator } from '@glimpse/plugins';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  propagation,
  trace,
  type Context,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { PrismaInstrumentation } from '@prisma/instrumentation';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { pathOf } from './path.js';

/** How long sending spans may take; the process waits for it before it ends. */
const SEND_DEADLINE_MS = 2_000;

/**
 * Traces of requests, with spans for authentication and Prisma's queries, sent by OTLP to the collector that
 * OpenTelemetry's own variables name. Importing this file loads OpenTelemetry.
 */
export class Traces {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  readonly #contexts = new WeakMap<FastifyRequest, Context>();

  constructor(version: string, env: Readonly<Record<string, string | undefined>>) {
    const { OTEL_EXPORTER_OTLP_TIMEOUT: all, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: own } = env;
    const exporter = new OTLPTraceExporter(all || own ? {} : { timeoutMillis: SEND_DEADLINE_MS });
    const service = resourceFromAttributes({ 'service.name': 'glimpse', 'service.version': version });
    this.#provider = new NodeTracerProvider({
      resource: defaultResource()
        .merge(service)
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(exporter)],
    });
    this.#provider.register();
    this.#tracer = this.#provider.getTracer('glimpse', version);
    const prisma = new PrismaInstrumentation();
    prisma.setTracerProvider(this.#provider);
    prisma.enable();
  }

  /** Creates a span for each request, in the trace that the client started. */
  follow(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (request, _reply, done) => {
      const parent = propagation.extract(ROOT_CONTEXT, request.headers);
      const attributes = { 'http.request.method': request.method, 'url.path': pathOf(request.raw) };
      const span = this.#tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes }, parent);
      const within = trace.setSpan(parent, span);
      this.#contexts.set(request, within);
      context.with(within, done);
    });
    // After a body is read, hooks run in the context of the connection.
    fastify.addHook('preValidation', (request, _reply, done) => {
      context.with(this.#contexts.get(request) ?? ROOT_CONTEXT, done);
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      const span = trace.getSpan(this.#contexts.get(request) ?? ROOT_CONTEXT);
      const route = request.routeOptions.url;
      if (route) span?.updateName(`${request.method} ${route}`).setAttribute('http.route', route);
      span?.setAttributes({
        'http.response.status_code': reply.statusCode,
        'openstack.request_id': request.id,
      });
      if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end();
      done();
    });
  }

  /** Creates a span for each authentication; it never holds the token. */
  through(authenticator: Authenticator): Authenticator {
    return {
      challenge: authenticator.challenge,
      authenticate: (token, request) =>
        this.#tracer.startActiveSpan('authenticate', async (span) => {
          try {
            const authentication = await authenticator.authenticate(token, request);
            span.setAttribute('glimpse.outcome', authentication.outcome);
            return authentication;
          } finally {
            span.end();
          }
        }),
    };
  }

  /** Sends the remaining spans, up to a deadline. */
  async end(): Promise<void> {
    const deadline = new Promise((resolve) => setTimeout(resolve, SEND_DEADLINE_MS).unref());
    await Promise.race([this.#provider.shutdown().catch(() => undefined), deadline]);
  }
}
