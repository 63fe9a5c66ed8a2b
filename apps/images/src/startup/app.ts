import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { computeApi } from '../compute/api.js';
import { fastShow } from '../compute/images/fast-show.js';
import type { Api } from '../http/api.js';
import { Cors } from '../http/cors.js';
import { createServer, type ServerParts } from '../http/server.js';
import { AppModule, type Parts } from './app.module.js';

/**
 * Composes the server of an API and the module of its routes.
 *
 * @param stopping aborted once the service stops
 */
export async function createApp(
  api: Api,
  module: DynamicModule | Type,
  parts: ServerParts,
  stopping: AbortSignal,
): Promise<NestFastifyApplication> {
  const { traces, fastPath } = parts;
  const server = createServer(api, {
    ...parts,
    // Only responses of the routes have spans, and the `Connection: close` of a service that stops.
    fastPath: (request, path) => (traces || stopping.aborted ? undefined : fastPath(request, path)),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, server, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  // A persistent connection that is closed between two requests would fail the client's next one: the header makes the
  // client open another connection in time.
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', async (_request, reply) => {
    if (stopping.aborted) reply.header('connection', 'close');
  });
  return app;
}

/** Composes the server of the Compute API. */
export function createComputeApp(parts: Parts): Promise<NestFastifyApplication> {
  const { auth, telemetry, traces, health, settings } = parts;
  const api = computeApi(auth.serviceType);
  const fastPath = settings.fast_path === 'off' ? () => undefined : fastShow(parts);
  const cors = Cors.of(settings.cors);
  return createApp(
    api,
    AppModule.of(api, parts),
    { auth, telemetry, traces, cors, fastPath },
    health.stopping,
  );
}
