import { Catch, Inject, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { API, type Api } from './api.js';
import { BodyTooLarge, MalformedRequest, RouteNotFound } from './errors.js';
import { pathOf } from './path.js';
import { TELEMETRY, type Telemetry } from '../telemetry/telemetry.js';

/** Converts an error into the API's fault. */
@Catch()
export class FaultFilter implements ExceptionFilter {
  constructor(
    @Inject(API) private readonly api: Api,
    @Inject(TELEMETRY) private readonly telemetry: Telemetry,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const error = this.toDomainError(thrown);
    if (!this.api.isExpected(error))
      this.telemetry.observe('request-failed', { requestId: request.id, error });
    const isUpload = this.api.isUpload(request.method, pathOf(request.raw));
    const { status, headers, body } = this.api.faultOf(error, isUpload);
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .code(status)
      .headers(headers)
      .send(Buffer.from(body));
  }

  /** Nest's and Fastify's own errors have a status below 500 where the client caused them. */
  private toDomainError(error: unknown): unknown {
    const status = statusOf(error);
    if (status === undefined || status >= 500) return error;
    if (status === 404) return new RouteNotFound();
    if (status === 413) return new BodyTooLarge(this.api.maxBodyBytes);
    return new MalformedRequest((error as Error).message);
  }
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error ? (error as { statusCode?: number }).statusCode : undefined;
}
