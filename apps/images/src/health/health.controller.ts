import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthIndicatorFunction,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import type { DatabaseProbe } from './database-probe.js';
import type { DependencyProbe } from './dependency-probe.js';

/** The injection token of the state that the probes report. */
export const HEALTH = Symbol('Health');

/** The state that the probes report. */
export interface Health {
  readonly database: DatabaseProbe;
  /** The other dependencies of the service, such as Keystone. */
  readonly dependencies?: readonly DependencyProbe[];
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
  /** In a mirror: whether the base of image links is known, without which no image can be served. */
  readonly linksKnown?: () => boolean;
}

/** The probes. They name dependencies and states, never addresses or the text of an error. */
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(HEALTH) private readonly health: Health,
    @Inject(HealthCheckService) private readonly checks: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  /** The process responds. */
  @Get('livez')
  live(@Res() reply: FastifyReply): Promise<void> {
    return this.#respond(reply, []);
  }

  /**
   * Requests may be sent here: once the schema was seen and the base of image links is known, until the service stops.
   * An outage of a dependency does not matter: it would make all replicas unready at once, and none would respond.
   */
  @Get('readyz')
  ready(@Res() reply: FastifyReply): Promise<void> {
    const { database, stopping, linksKnown } = this.health;
    return this.#respond(reply, [
      () => this.#indicator('schema', database.schemaSeen),
      ...(linksKnown ? [() => this.#indicator('links', linksKnown())] : []),
      () => this.#indicator('service', !stopping.aborted),
    ]);
  }

  /** The dependencies of the service are available. */
  @Get('healthz')
  healthy(@Res() reply: FastifyReply): Promise<void> {
    const { database, dependencies = [], stopping } = this.health;
    return this.#respond(reply, [
      () => this.#indicator('schema', database.schemaSeen),
      async () => this.#indicator('database', await database.responds()),
      ...dependencies.map((each) => async () => this.#indicator(each.name, await each.isAvailable(stopping))),
    ]);
  }

  #indicator(name: string, up: boolean): HealthIndicatorResult {
    const session = this.indicators.check(name);
    return up ? session.up() : session.down();
  }

  async #respond(reply: FastifyReply, indicators: HealthIndicatorFunction[]): Promise<void> {
    const { status, details } = await this.checks
      .check(indicators)
      // Terminus throws its result when an indicator is down.
      .catch((error: { getResponse(): { status: string; details: object } }) => error.getResponse());
    void reply.code(status === 'ok' ? 200 : 503).send({ status, details });
  }
}
