import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { computeApi } from '../compute/api.js';
import { fastShow } from '../compute/images/fast-show.js';
import { Cors } from '../http/cors.js';
import { createServer } from '../http/server.js';
import { AppModule, type Parts } from './app.module.js';

/** Puts the Compute API's server together. */
export async function createComputeApp(parts: Parts): Promise<NestFastifyApplication> {
  const { judge, telemetry, traces, health, settings } = parts;
  const show = fastShow(parts);
  const api = computeApi(judge.serviceType);
  const server = createServer(api, {
    judge,
    telemetry,
    traces,
    cors: Cors.of(settings.cors),
    // Traces follow the routes, and only those announce that the service stops.
    fastPath: (...request) =>
      settings.fast_path === 'off' || traces || health.stopping.aborted ? undefined : show(...request),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(api, parts), server, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  // Clients that keep connections learn from a response that this one ends, and open another in time: one that is
  // closed between two requests fails the next.
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', async (_request, reply) => {
    if (health.stopping.aborted) reply.header('connection', 'close');
  });
  return app;
}
