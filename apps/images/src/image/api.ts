import type { Api } from '../http/api.js';
import { SILENCE_MS } from '../http/overload.js';
import { commonHeaders } from '../http/response-headers.js';
import { faultOf, isExpected } from './faults.js';
import { isUpload } from './pass-through/passed-request.js';
import { imagePaths, isVersioned } from './paths.js';

/** The service type of the Image API in Keystone's catalog and in access rules. */
const SERVICE_TYPE = 'image';

/**
 * The Image API v2.
 *
 * @param publicUrl the endpoint as clients know it, if it is configured
 * @param passesOn whether requests without a route are passed on
 */
export function imageApi(publicUrl: string | undefined, passesOn: boolean): Api {
  return {
    name: 'image',
    serviceType: SERVICE_TYPE,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    maxBodyBytes: 114_688,
    // Bodies are of any length.
    timeLimits: { requestMs: 0, silenceMs: SILENCE_MS },
    paths: imagePaths(publicUrl),
    owns: isVersioned,
    isOpen: () => false,
    acceptsParameters: (parameters) => {
      // The route of the version document has every path that no version has.
      const { '*': rest, ...named } = parameters;
      return !(rest !== undefined && isVersioned(`/${rest}`)) && !Object.values(named).includes('');
    },
    isUpload,
    // What is passed on has bodies of any length.
    streamsBody: (method, path) =>
      passesOn ? isVersioned(path) && method !== 'GET' && method !== 'HEAD' : isUpload(method, path),
    responseHeaders: commonHeaders,
    faultOf,
    isExpected,
  };
}
