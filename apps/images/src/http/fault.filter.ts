import { Catch, Inject, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BodyTooLarge, MalformedRequest, RouteNotFound } from './errors.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { TELEMETRY } from '../startup/injection-tokens.js';
import { faultOf, isExpected } from '../compute/faults.js';

/** Turns whatever was thrown into a fault. */
@Catch()
export class FaultFilter implements ExceptionFilter {
  constructor(@Inject(TELEMETRY) private readonly telemetry: Telemetry) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const error = own(thrown);
    if (!isExpected(error)) this.telemetry.observe('request-failed', { requestId: request.id, error });
    const { status, headers, body } = faultOf(error);
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .code(status)
      .headers(headers)
      .send(Buffer.from(body));
  }
}

/** Errors of Nest and of Fastify as ours: both give what is wrong with a request a status. */
function own(error: unknown): unknown {
  const status = statusOf(error);
  if (status === undefined || status >= 500) return error;
  if (status === 404) return new RouteNotFound();
  if (status === 413) return new BodyTooLarge();
  return new MalformedRequest((error as Error).message);
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error ? (error as { statusCode?: number }).statusCode : undefined;
}
