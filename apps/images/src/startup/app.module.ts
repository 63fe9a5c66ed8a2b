import { AuthGuard, JUDGE, type JudgeOfRequests } from '@glimpse/auth/nestjs';
import type { ImageExtension } from '@glimpse/plugins';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ImageAccess } from '../access/image-access.js';
import { ExtensionsController } from '../compute/extensions/extensions.controller.js';
import { FaultFilter } from '../http/fault.filter.js';
import { ImagesController } from '../compute/images/images.controller.js';
import { MetadataController } from '../compute/metadata/metadata.controller.js';
import { ShownImages } from '../http/image-documents.js';
import { VersionsController } from '../compute/versions.controller.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { HealthController, type Health } from '../health/health.controller.js';
import { MetricsController } from '../telemetry/metrics.controller.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { HEALTH, IMAGE_EXTENSIONS, SETTINGS, TELEMETRY } from './injection-tokens.js';

/** What the service is put together from. */
export interface Parts {
  readonly settings: EffectiveSettings;
  readonly access: ImageAccess;
  readonly shown: ShownImages;
  readonly extensions: readonly ImageExtension[];
  readonly judge: JudgeOfRequests;
  readonly health: Health;
  readonly telemetry: Telemetry;
}

@Module({})
export class AppModule {
  static of(parts: Parts): DynamicModule {
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
        { provide: ImageAccess, useValue: parts.access },
        { provide: ShownImages, useValue: parts.shown },
        { provide: APP_FILTER, useClass: FaultFilter },
        { provide: HEALTH, useValue: parts.health },
        { provide: IMAGE_EXTENSIONS, useValue: parts.extensions },
        { provide: JUDGE, useValue: parts.judge },
        { provide: SETTINGS, useValue: parts.settings },
        { provide: TELEMETRY, useValue: parts.telemetry },
      ],
    };
  }
}
