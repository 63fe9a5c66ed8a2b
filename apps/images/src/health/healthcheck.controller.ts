import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { HEALTH, type Health } from './health.controller.js';

/** Glance's health check for load balancers, `OK` in plain text; otherwise it names the state. */
@ApiExcludeController()
@Controller('healthcheck')
export class HealthcheckController {
  constructor(@Inject(HEALTH) private readonly health: Health) {}

  @Get()
  check(@Res() reply: FastifyReply): void {
    const state = this.#state();
    void reply
      .code(state === 'OK' ? 200 : 503)
      .type('text/plain; charset=UTF-8')
      .send(state);
  }

  #state(): string {
    const { database, stopping } = this.health;
    if (stopping.aborted) return 'STOPPING';
    return database.schemaSeen ? 'OK' : 'SCHEMA MISSING';
  }
}
