import type { Face } from '../http/face.js';
import { faultOf } from './faults.js';
import { apiVersionOf } from './request.js';

/** The Compute API v2.1, as the HTTP server knows it. */
export const computeFace: Face = {
  owns: (path) => apiVersionOf(path) !== undefined,
  faultOf,
};
