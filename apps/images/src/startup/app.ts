import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Api } from '../http/api.js';
import { createServer, type ServerParts } from '../http/server.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted once the service stops. */
    readonly stopping: AbortSignal;
  }
}

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
  fastify.decorate('stopping', stopping);
  fastify.addHook('onSend', async (_request, reply) => {
    if (stopping.aborted) reply.header('connection', 'close');
  });
  return app;
}
