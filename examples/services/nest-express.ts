/** The NestJS service on Express. */
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ServiceModule } from './nest-service.js';
import { trial } from './trial.js';

await trial(async (protection) => {
  const app = await NestFactory.create<NestExpressApplication>(ServiceModule.protectedBy(protection), {
    logger: false,
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
});
