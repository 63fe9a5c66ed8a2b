import type { Face } from '../http/face.js';
import { faultOf } from './faults.js';
import { apiVersionOf } from './request.js';

/** What a project id looks like in a URL: Nova's `project_id_regex`. */
const PROJECT_ID = /^[0-9a-f-]+$/;

/** The Compute API v2.1, as the HTTP server knows it. */
export const computeFace: Face = {
  owns: (path) => apiVersionOf(path) !== undefined,
  takes: (parameters) =>
    !Object.values(parameters).includes('') && PROJECT_ID.test(parameters['project_id'] ?? '0'),
  faultOf,
};
