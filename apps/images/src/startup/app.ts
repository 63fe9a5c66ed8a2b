import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type Parts } from './app.module.js';
import { computeFace } from '../compute/api.js';
import { showAtOnce } from '../compute/images/fast-show.js';
import { Cors } from '../http/cors.js';
import { createEdge } from '../http/server.js';

/**
 * Puts the HTTP server together.
 *
 * @param atOnce whether requests may be answered in front of Nest's pipeline; tests compare both ways
 */
export async function createApp(parts: Parts, { atOnce = true } = {}): Promise<NestFastifyApplication> {
  const { judge, telemetry, health } = parts;
  const show = showAtOnce(parts);
  const edge = createEdge(
    computeFace,
    judge,
    telemetry,
    // Traces follow the pipeline, and what is told on the way out says that the connection is over.
    Cors.of(parts.settings.cors),
    (...request) => (atOnce && !telemetry.traces && !health.stopping.aborted ? show(...request) : undefined),
  );
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(parts), edge, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  // Clients that keep connections learn with an answer that this one is over, and go elsewhere in time: one
  // that is closed under them between two requests fails the next.
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', async (_request, reply) => {
    if (health.stopping.aborted) reply.header('connection', 'close');
  });
  return app;
}
