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

/** How long spans may take to be sent, in milliseconds. What is still being sent holds up the end. */
const DEADLINE = 2_000;

/**
 * Traces of requests, through their tokens and Prisma's queries, sent by OTLP to where OpenTelemetry's own
 * variables say. To import this file is to load OpenTelemetry.
 */
export class Traces {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  readonly #contexts = new WeakMap<FastifyRequest, Context>();

  constructor(version: string, env: Readonly<Record<string, string | undefined>>) {
    const { OTEL_EXPORTER_OTLP_TIMEOUT: all, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: own } = env;
    const exporter = new OTLPTraceExporter(all || own ? {} : { timeoutMillis: DEADLINE });
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

  /** Makes a span of each request, in the trace that the sender began. */
  follow(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (request, _reply, done) => {
      const parent = propagation.extract(ROOT_CONTEXT, request.headers);
      const attributes = { 'http.request.method': request.method, 'url.path': pathOf(request.raw) };
      const span = this.#tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes }, parent);
      const within = trace.setSpan(parent, span);
      this.#contexts.set(request, within);
      context.with(within, done);
    });
    // What follows the reading of a body runs in the context of the connection.
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

  /** Makes a span of each look at a token; what the token is stays out of it. */
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

  /** Sends what is left, if somebody takes it soon. */
  async end(): Promise<void> {
    const given = new Promise((resolve) => setTimeout(resolve, DEADLINE).unref());
    await Promise.race([this.#provider.shutdown().catch(() => undefined), given]);
  }
}
