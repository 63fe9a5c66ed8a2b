import type { Api } from '../http/api.js';
import { SILENCE_MS } from '../http/overload.js';
import { PLAIN_PATHS } from '../http/path.js';
import { commonHeaders } from '../http/response-headers.js';
import { faultOf, isExpected } from './faults.js';
import { apiVersionOf } from './request.js';

/** Whether a text has the form of a project id in a URL: Nova's `project_id_regex`. */
export function isProjectId(text: string): boolean {
  return /^[0-9a-f-]+$/.test(text);
}

/**
 * The Compute API v2.1. The most bytes of a body are Nova's `max_request_body_size`.
 *
 * @param serviceType that of this service in Keystone's catalog
 */
export function computeApi(serviceType: string): Api {
  return {
    name: 'compute',
    serviceType,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    maxBodyBytes: 114_688,
    timeLimits: { requestMs: 30_000, silenceMs: SILENCE_MS },
    paths: PLAIN_PATHS,
    owns: (path) => apiVersionOf(path) !== undefined,
    isOpen: (path) => /^\/v2(?:\.1)?\/?$/.test(path),
    acceptsParameters: (parameters) =>
      !Object.values(parameters).includes('') && isProjectId(parameters['project_id'] ?? '0'),
    isUpload: () => false,
    streamsBody: () => false,
    responseHeaders: (requestId) => ({ 'x-compute-request-id': requestId, ...commonHeaders(requestId) }),
    faultOf,
    isExpected,
  };
}
