import { AuthGuard, AUTH_GUARD_OPTIONS, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ImageAccess } from '../access/image-access.js';
import type { ListLimit } from '../access/list-limit.js';
import { HEALTH, HealthController, type Health } from '../health/health.controller.js';
import { API, type Api } from '../http/api.js';
import { FaultFilter } from '../http/fault.filter.js';
import type { UnreadLimits } from '../http/limits.js';
import type { Traces } from '../http/traces.js';
import { SETTINGS, type EffectiveSettings } from '../settings/settings.js';
import { MetricsController } from '../telemetry/metrics.controller.js';
import { TELEMETRY, type Telemetry } from '../telemetry/telemetry.js';

/** The parts that the server of each API is composed of. */
export interface Parts {
  readonly settings: EffectiveSettings;
  readonly access: ImageAccess;
  readonly auth: AuthGuardOptions;
  readonly health: Health;
  readonly telemetry: Telemetry;
  readonly traces?: Traces | undefined;
  readonly unread: UnreadLimits;
  readonly listLimit: ListLimit;
}

/** The routes of an API, and what they need besides. */
export interface Routes {
  readonly controllers: readonly Type[];
  readonly providers: readonly Provider[];
}

@Module({})
export class AppModule {
  /** The module of an API: its routes, the probes and the metrics. */
  static of(api: Api, parts: Parts, { controllers, providers }: Routes): DynamicModule {
    return {
      module: AppModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        ...controllers,
        HealthController,
        ...(parts.settings.metrics.port === undefined ? [MetricsController] : []),
      ],
      providers: [
        ...providers,
        AuthGuard,
        { provide: API, useValue: api },
        { provide: ImageAccess, useValue: parts.access },
        { provide: APP_FILTER, useClass: FaultFilter },
        { provide: HEALTH, useValue: parts.health },
        { provide: AUTH_GUARD_OPTIONS, useValue: parts.auth },
        { provide: SETTINGS, useValue: parts.settings },
        { provide: TELEMETRY, useValue: parts.telemetry },
      ],
    };
  }
}
