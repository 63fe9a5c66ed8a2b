import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { HEALTH, type Health } from './health.controller.js';

/** The injection token of a function: whether a mirror has every attribute of its images. */
export const ATTRIBUTES_FILLED = Symbol('AttributesFilled');

/** Glance's health check for load balancers, `OK` in plain text; otherwise it names the state. */
@ApiExcludeController()
@Controller('healthcheck')
export class HealthcheckController {
  constructor(
    @Inject(HEALTH) private readonly health: Health,
    @Inject(ATTRIBUTES_FILLED) private readonly attributesFilled: () => Promise<boolean>,
  ) {}

  @Get()
  async check(@Res() reply: FastifyReply): Promise<void> {
    const state = await this.#state();
    void reply
      .code(state === 'OK' ? 200 : 503)
      .type('text/plain; charset=UTF-8')
      .send(state);
  }

  async #state(): Promise<string> {
    const { database, stopping } = this.health;
    if (stopping.aborted) return 'STOPPING';
    if (!database.schemaSeen) return 'SCHEMA MISSING';
    // An outage of the database does not make a service unhealthy that serves its cache.
    const filled = await this.attributesFilled().catch(() => true);
    return filled ? 'OK' : 'ATTRIBUTES INCOMPLETE';
  }
}
