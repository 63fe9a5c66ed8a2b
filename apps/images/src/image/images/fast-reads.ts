import { authenticationOf, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import type { Identity } from '@glimpse/domain';
import type { ImageAccess } from '../../access/image-access.js';
import type { ListDocuments } from '../../access/list-documents.js';
import type { FastPath } from '../../http/fast-path/fast-path.js';
import { readyResponse, sentPageOf, type SentDocument } from '../../http/fast-path/ready-response.js';
import type { ImageDocuments } from '../../http/image-documents.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { audienceOf, type Audience } from './image.view.js';
import { listAddress } from './list-address.js';

/** The parts of the controllers and their guard. */
export interface FastReadParts {
  readonly auth: AuthGuardOptions;
  readonly access: ImageAccess;
  readonly documents: ImageDocuments<Audience>;
  readonly lists: ListDocuments;
  readonly settings: EffectiveSettings;
}

/** The path of a list, or of an image. */
const READ = /^\/v2\/images(?:\/([^/]+))?$/;
const LIST_ROUTE = '/v2/images';
const SHOW_ROUTE = '/v2/images/:image_id';

/**
 * Serves a cached document, of an image or of a page of a list, before the request enters Fastify, after the same
 * functions for authentication, access and policy as the routes. Everything but a plain success is left to them.
 */
export function fastReads({ auth, access, documents, lists, settings }: FastReadParts): FastPath {
  const sharesWithPages = settings.cors.allowed_origin !== undefined;
  const fields = ['vary', sharesWithPages ? 'X-Auth-Token, Origin' : 'X-Auth-Token'];
  return (request, path) => {
    const { headers, socket } = request;
    if (sharesWithPages && headers.origin !== undefined) return undefined;
    const found = READ.exec(path);
    if (!found || headers['cache-control'] !== undefined) return undefined;
    const [, id] = found as unknown as [string, string | undefined];

    const caller = authenticationOf(auth, { method: request.method!, path, headers, socket }, request);
    if (caller instanceof Promise) return undefined;
    const document =
      id === undefined ? sentPageOf(lists.cached(listAddress(request), caller)) : imageFor(id, caller);
    const route = id === undefined ? LIST_ROUTE : SHOW_ROUTE;
    return document && readyResponse(request, { document, caller, route, fields });
  };

  function imageFor(id: string, caller: Identity): SentDocument | undefined {
    const image = access.readCached(id, caller);
    return image && documents.cached(image, audienceOf(image, access.permissionsOf(caller).viewer));
  }
}
