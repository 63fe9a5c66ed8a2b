import type { IncomingMessage } from 'node:http';
import { authenticationOf, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import { projectOf, type Identity } from '@glimpse/domain';
import type { EffectiveSettings } from '../../settings/settings.js';
import type { FastPath } from '../../http/fast-path/fast-path.js';
import { readyResponse, sentPageOf, type SentDocument } from '../../http/fast-path/ready-response.js';
import type { ImageAccess } from '../../access/image-access.js';
import type { ListDocuments } from '../../access/list-documents.js';
import { isProjectId } from '../api.js';
import { MIN_MICROVERSION, isAfter, negotiate } from '../microversions.js';
import { linkBaseOf, type ApiVersion } from '../request.js';
import { IMAGES_LAST } from '../routes.js';
import type { ImageDocuments } from '../../http/image-documents.js';
import type { LinkBase } from '@glimpse/links';
import { listAddress } from './list-address.js';

/** The parts of the controller and its guards. */
export interface FastReadParts {
  readonly auth: AuthGuardOptions;
  readonly access: ImageAccess;
  readonly documents: ImageDocuments<LinkBase>;
  readonly lists: ListDocuments;
  readonly settings: EffectiveSettings;
}

/** The paths of lists and of images: API version, optional project, `detail` or an image. */
const READ = /^\/(v2(?:\.1)?)(?:\/([^/]+))?\/images(?:\/([^/]+))?$/;
type Read = readonly [
  path: string,
  version: ApiVersion,
  project: string | undefined,
  rest: string | undefined,
];

/**
 * Serves a cached document, of an image or of a page of a list, before the request enters Fastify, after the same
 * functions for authentication, access and policy as the routes. Everything but a plain success is left to them.
 */
export function fastReads({ auth, access, documents, lists, settings }: FastReadParts): FastPath {
  const sharesWithPages = settings.cors.allowed_origin !== undefined;
  const vary = sharesWithPages ? 'X-Auth-Token, Origin' : 'X-Auth-Token';
  /** By microversion, of which there are few. */
  const fields = new Map<string, string[]>();
  const fieldsOf = (microversion: string): string[] => {
    let known = fields.get(microversion);
    if (!known) fields.set(microversion, (known = microversionFields(microversion, vary)));
    return known;
  };
  return (request, path) => {
    const { headers, socket } = request;
    if (sharesWithPages && headers.origin !== undefined) return undefined;
    const found = READ.exec(path);
    if (!found || headers['cache-control'] !== undefined || settings.image_url === undefined)
      return undefined;
    const read = found as unknown as Read;
    const [, version, project] = read;
    if (project !== undefined && !isProjectId(project)) return undefined;
    const microversion = version === 'v2.1' ? negotiated(request, settings) : 'none';
    if (microversion === undefined) return undefined;

    const method = request.method!;
    const caller = authenticationOf(auth, { method, path, headers, socket }, request);
    if (caller instanceof Promise) return undefined;
    if (project !== undefined && project !== projectOf(caller)) return undefined;
    const document = documentFor(request, read, caller);
    if (!document) return undefined;

    return readyResponse(request, {
      document,
      caller,
      route: routeOf(read),
      requestIdHeader: 'x-compute-request-id',
      fields: fieldsOf(microversion),
    });
  };

  function documentFor(
    request: IncomingMessage,
    [, , project, rest]: Read,
    caller: Identity,
  ): SentDocument | Promise<SentDocument> | undefined {
    const base = linkBaseOf(request, project, settings);
    if (rest === undefined || rest === 'detail') {
      return sentPageOf(lists.cached(listAddress(request, base), caller));
    }
    const image = access.readCached(rest, caller);
    return image && documents.cached(image, base);
  }
}

/** The pattern of the route. */
function routeOf([, version, project, rest]: Read): string {
  const prefix = project === undefined ? `/${version}` : `/${version}/:project_id`;
  if (rest === undefined) return `${prefix}/images`;
  return rest === 'detail' ? `${prefix}/images/detail` : `${prefix}/images/:image_id`;
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
