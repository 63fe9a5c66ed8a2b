/** The NestJS service on Express; without `await` at the top it is CommonJS as well as an ES module. */
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ServiceModule } from './nest-service.js';
import { trial } from './trial.js';

void trial(async (protection) => {
  const app = await NestFactory.create<NestExpressApplication>(ServiceModule.protectedBy(protection), {
    logger: false,
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
});
