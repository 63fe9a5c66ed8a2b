import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthcheckController } from '../health/healthcheck.controller.js';
import { Cors } from '../http/cors.js';
import { imageApi } from '../image/api.js';
import { InfoController } from '../image/info/info.controller.js';
import { SchemasController } from '../image/schemas/schemas.controller.js';
import { UnservedController } from '../image/unserved.controller.js';
import { PUBLIC_URL, VersionsController } from '../image/versions.controller.js';
import { createApp } from './app.js';
import { AppModule, type Parts } from './app.module.js';

/** The parts of the Image API. */
export interface ImageParts extends Parts {
  /** The endpoint as clients know it, if it is configured. */
  readonly publicUrl: string | undefined;
}

/** Composes the server of the Image API. */
export function createImageApp(parts: ImageParts): Promise<NestFastifyApplication> {
  const { telemetry, traces, health, settings, publicUrl } = parts;
  const api = imageApi(publicUrl);
  const auth = { ...parts.auth, serviceType: api.serviceType, ignoresUselessServiceTokens: true };
  const module = AppModule.of(
    api,
    { ...parts, auth },
    {
      controllers: [
        SchemasController,
        InfoController,
        UnservedController,
        VersionsController,
        HealthcheckController,
      ],
      providers: [{ provide: PUBLIC_URL, useValue: publicUrl }],
    },
  );
  const cors = Cors.of(settings.cors);
  const fastPath = () => undefined;
  return createApp(api, module, { auth, telemetry, traces, cors, fastPath }, health.stopping);
}
