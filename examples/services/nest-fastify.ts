/** The NestJS service on Fastify. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ServiceModule } from './nest-service.js';
import { trial } from './trial.js';

await trial(async (protection) => {
  const app = await NestFactory.create<NestFastifyApplication>(
    ServiceModule.protectedBy(protection),
    new FastifyAdapter({ forceCloseConnections: true }),
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
});
