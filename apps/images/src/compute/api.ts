import type { Face } from '../http/api.js';
import { faultOf } from './faults.js';
import { apiVersionOf } from './request.js';

/** Whether a text is what a project id looks like in a URL: Nova's `project_id_regex`. */
export function isProjectId(text: string): boolean {
  return /^[0-9a-f-]+$/.test(text);
}

/** The Compute API v2.1, as the HTTP server knows it. */
export const computeFace: Face = {
  owns: (path) => apiVersionOf(path) !== undefined,
  isOpen: (path) => /^\/v2(?:\.1)?\/?$/.test(path),
  takes: (parameters) =>
    !Object.values(parameters).includes('') && isProjectId(parameters['project_id'] ?? '0'),
  faultOf,
};
