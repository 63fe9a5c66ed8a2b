import type { LinkBase } from '@glimpse/links';
import { API, type Api } from '../http/api.js';
import type { Traces } from '../http/traces.js';
import { AuthGuard, AUTH_GUARD_OPTIONS, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import type { ImageExtension } from '@glimpse/plugins';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ImageAccess } from '../access/image-access.js';
import { ExtensionsController, IMAGE_EXTENSIONS } from '../compute/extensions/extensions.controller.js';
import { FaultFilter } from '../http/fault.filter.js';
import { ImagesController } from '../compute/images/images.controller.js';
import { MetadataController } from '../compute/metadata/metadata.controller.js';
import { ImageDocuments } from '../http/image-documents.js';
import { VersionsController } from '../compute/versions.controller.js';
import { SETTINGS, type EffectiveSettings } from '../settings/settings.js';
import { HEALTH, HealthController, type Health } from '../health/health.controller.js';
import { MetricsController } from '../telemetry/metrics.controller.js';
import { TELEMETRY, type Telemetry } from '../telemetry/telemetry.js';

/** The parts that the service is composed of. */
export interface Parts {
  readonly settings: EffectiveSettings;
  readonly access: ImageAccess;
  readonly documents: ImageDocuments<LinkBase>;
  readonly extensions: readonly ImageExtension[];
  readonly auth: AuthGuardOptions;
  readonly health: Health;
  readonly telemetry: Telemetry;
  readonly traces?: Traces | undefined;
}

@Module({})
export class AppModule {
  static of(api: Api, parts: Parts): DynamicModule {
    return {
      module: AppModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        ImagesController,
        MetadataController,
        VersionsController,
        ExtensionsController,
        HealthController,
        ...(parts.settings.metrics.port === undefined ? [MetricsController] : []),
      ],
      providers: [
        AuthGuard,
        { provide: API, useValue: api },
        { provide: ImageAccess, useValue: parts.access },
        { provide: ImageDocuments, useValue: parts.documents },
        { provide: APP_FILTER, useClass: FaultFilter },
        { provide: HEALTH, useValue: parts.health },
        { provide: IMAGE_EXTENSIONS, useValue: parts.extensions },
        { provide: AUTH_GUARD_OPTIONS, useValue: parts.auth },
        { provide: SETTINGS, useValue: parts.settings },
        { provide: TELEMETRY, useValue: parts.telemetry },
      ],
    };
  }
}
