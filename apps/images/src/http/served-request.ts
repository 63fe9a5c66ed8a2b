import type { IncomingMessage } from 'node:http';
import { projectOf, type Identity } from '@glimpse/domain';
import type { Telemetry } from '../telemetry/telemetry.js';
import { pathOf } from './path.js';
import { globalRequestIdOf } from './response-headers.js';

/** The outcome of a request, as log and metrics have it. */
export interface ServedRequest {
  /** The name of the API. */
  readonly api: string;
  readonly requestId: string;
  readonly caller: Identity | undefined;
  /** The pattern of its route. */
  readonly route: string;
  /** The id that the service gave the request to which it was passed on. */
  readonly sourceRequestId?: string | undefined;
  readonly status: number;
  readonly milliseconds: number;
}

/** Logs and counts a request with its response. */
export function observeServed(telemetry: Telemetry, request: IncomingMessage, served: ServedRequest): void {
  const { api, requestId, sourceRequestId, caller, route, status, milliseconds } = served;
  telemetry.observe('request-served', {
    api,
    requestId,
    sourceRequestId,
    globalRequestId: globalRequestIdOf(request.headers),
    userId: caller?.userId,
    projectId: caller && (projectOf(caller) ?? undefined),
    method: request.method!,
    path: pathOf(request),
    route,
    status,
    duration: Math.round(milliseconds * 1000) / 1e6,
  });
}
