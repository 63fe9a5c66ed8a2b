import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type Parts } from './app.module.js';
import { computeFace } from './compute/face.js';
import { showAtOnce } from './compute/show-at-once.js';
import { createEdge } from './http/edge.js';

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
    (request, reply) => atOnce && !health.stopping.aborted && show(request, reply),
  );
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(parts), edge, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  // A connection that stays open after its last answer would hold up the end.
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', async (_request, reply) => {
    if (health.stopping.aborted) reply.header('connection', 'close');
  });
  return app;
}
