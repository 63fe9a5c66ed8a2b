import type { IncomingMessage } from 'node:http';
import { authenticationOf, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import { projectOf } from '@glimpse/domain';
import type { EffectiveSettings } from '../../settings/settings.js';
import type { FastPath } from '../../http/fast-path/fast-path.js';
import { readyImageResponse } from '../../http/fast-path/ready-image.js';
import type { ImageAccess } from '../../access/image-access.js';
import { isProjectId } from '../api.js';
import { MIN_MICROVERSION, isAfter, negotiate } from '../microversions.js';
import { linkBaseOf, type ApiVersion } from '../request.js';
import { IMAGES_LAST } from '../routes.js';
import type { ImageDocuments } from '../../http/image-documents.js';
import type { LinkBase } from '@glimpse/links';

/** The parts of the controller and its guards. */
export interface ShowParts {
  readonly auth: AuthGuardOptions;
  readonly access: ImageAccess;
  readonly documents: ImageDocuments<LinkBase>;
  readonly settings: EffectiveSettings;
}

/** The routes whose requests the fast path serves: without the project in the URL, and with it. */
const ROUTES = {
  v2: ['/v2/images/:image_id', '/v2/:project_id/images/:image_id'],
  'v2.1': ['/v2.1/images/:image_id', '/v2.1/:project_id/images/:image_id'],
} as const;

/** The paths of these routes: API version, optional project, image. */
const SHOW = /^\/(v2(?:\.1)?)(?:\/([^/]+))?\/images\/([^/]+)$/;

/**
 * Serves a cached image document before the request enters Fastify, after the same functions for authentication,
 * access and policy as the routes. Everything but a plain success is left to the routes.
 */
export function fastShow({ auth, access, documents, settings }: ShowParts): FastPath {
  const sharesWithPages = settings.cors.allowed_origin !== undefined;
  const vary = sharesWithPages ? 'X-Auth-Token, Origin' : 'X-Auth-Token';
  return (request, path) => {
    const { headers, socket } = request;
    if (sharesWithPages && headers.origin !== undefined) return undefined;
    const found = SHOW.exec(path);
    if (!found || headers['cache-control'] !== undefined || settings.image_url === undefined)
      return undefined;
    const [, version, project, id] = found as unknown as [string, ApiVersion, string | undefined, string];
    if (project !== undefined && !isProjectId(project)) return undefined;
    const microversion = version === 'v2.1' ? negotiated(request, settings) : 'none';
    if (microversion === undefined) return undefined;

    const method = request.method!;
    const caller = authenticationOf(auth, { method, path, headers, socket }, request);
    if (caller instanceof Promise) return undefined;
    if (project !== undefined && project !== projectOf(caller)) return undefined;
    const image = access.readCached(id, caller);
    const document = image && documents.cached(image, linkBaseOf(request, project, settings));
    if (!document) return undefined;

    const route = ROUTES[version][project === undefined ? 0 : 1];
    const fields = microversionFields(microversion, vary);
    return readyImageResponse(request, {
      ...{ document, caller, route, fields },
      requestIdHeader: 'x-compute-request-id',
    });
  };
}

/** The microversion of a request; undefined where the routes refuse it. */
function negotiated({ headers }: IncomingMessage, settings: EffectiveSettings): string | undefined {
  try {
    const microversion = negotiate(headers, settings.max_microversion);
    return microversion !== MIN_MICROVERSION && isAfter(microversion, IMAGES_LAST) ? undefined : microversion;
  } catch {
    return undefined;
  }
}

function microversionFields(microversion: string, vary: string): string[] {
  if (microversion === 'none') return ['vary', vary];
  return [
    'vary',
    `OpenStack-API-Version, X-OpenStack-Nova-API-Version, ${vary}`,
    'openstack-api-version',
    `compute ${microversion}`,
    'x-openstack-nova-api-version',
    microversion,
  ];
}
