import { authenticationOf, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import type { ImageAccess } from '../../access/image-access.js';
import type { FastPath } from '../../http/fast-path/fast-path.js';
import { readyImageResponse } from '../../http/fast-path/ready-image.js';
import type { ImageDocuments } from '../../http/image-documents.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { audienceOf, type Audience } from './image.view.js';

/** The parts of the controller and its guard. */
export interface ShowParts {
  readonly auth: AuthGuardOptions;
  readonly access: ImageAccess;
  readonly documents: ImageDocuments<Audience>;
  readonly settings: EffectiveSettings;
}

const SHOW = /^\/v2\/images\/([^/]+)$/;
const ROUTE = '/v2/images/:image_id';

/**
 * Serves a cached image document before the request enters Fastify, after the same functions for authentication,
 * access and policy as the route. Everything but a plain success is left to the route.
 */
export function fastShow({ auth, access, documents, settings }: ShowParts): FastPath {
  const sharesWithPages = settings.cors.allowed_origin !== undefined;
  const fields = ['vary', sharesWithPages ? 'X-Auth-Token, Origin' : 'X-Auth-Token'];
  return (request, path) => {
    const { headers, socket } = request;
    if (sharesWithPages && headers.origin !== undefined) return undefined;
    const id = SHOW.exec(path)?.[1];
    if (id === undefined || headers['cache-control'] !== undefined) return undefined;

    const caller = authenticationOf(auth, { method: request.method!, path, headers, socket }, request);
    if (caller instanceof Promise) return undefined;
    const image = access.readCached(id, caller);
    const document = image && documents.cached(image, audienceOf(image, access.viewerOf(caller)));
    return document && readyImageResponse(request, { document, caller, route: ROUTE, fields });
  };
}
