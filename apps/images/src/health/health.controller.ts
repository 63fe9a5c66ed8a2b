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

/** The injection token of what the probes report. */
export const HEALTH = Symbol('Health');

/** What the probes look at. */
export interface Health {
  readonly database: DatabaseProbe;
  /** What is behind the service besides, such as Keystone. */
  readonly dependencies?: readonly DependencyProbe[];
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
  /** In a mirror: whether the base of image links is known, without which lists cannot be answered. */
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

  /** The process answers. */
  @Get('livez')
  live(@Res() reply: FastifyReply): Promise<void> {
    return this.#answer(reply, []);
  }

  /**
   * Requests may be sent here: once the schema was seen and the base of image links is known, until the service stops.
   * What happens behind it changes nothing: an outage that makes a whole fleet unready leaves nobody to answer.
   */
  @Get('readyz')
  ready(@Res() reply: FastifyReply): Promise<void> {
    const { database, stopping, linksKnown } = this.health;
    return this.#answer(reply, [
      () => this.#indicator('schema', database.schemaSeen),
      ...(linksKnown ? [() => this.#indicator('links', linksKnown())] : []),
      () => this.#indicator('service', !stopping.aborted),
    ]);
  }

  /** What stands behind the service is there. */
  @Get('healthz')
  healthy(@Res() reply: FastifyReply): Promise<void> {
    const { database, dependencies = [], stopping } = this.health;
    return this.#answer(reply, [
      () => this.#indicator('schema', database.schemaSeen),
      async () => this.#indicator('database', await database.answers()),
      ...dependencies.map((each) => async () => this.#indicator(each.name, await each.isAvailable(stopping))),
    ]);
  }

  #indicator(name: string, up: boolean): HealthIndicatorResult {
    const session = this.indicators.check(name);
    return up ? session.up() : session.down();
  }

  async #answer(reply: FastifyReply, indicators: HealthIndicatorFunction[]): Promise<void> {
    const { status, details } = await this.checks
      .check(indicators)
      // Terminus throws what it found when something is down.
      .catch((error: { getResponse(): { status: string; details: object } }) => error.getResponse());
    void reply.code(status === 'ok' ? 200 : 503).send({ status, details });
  }
}
