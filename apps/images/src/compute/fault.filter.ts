import { Catch, Inject, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MalformedRequest, RouteNotFound } from '../http/errors.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { TELEMETRY } from '../tokens.js';
import { faultOf, isExpected } from './faults.js';

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

/** Errors of Nest and Fastify as ours. */
function own(error: unknown): unknown {
  if (error instanceof NotFoundException) return new RouteNotFound();
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode && statusCode >= 400 && statusCode < 500) return new MalformedRequest(message ?? '');
  return error;
}
