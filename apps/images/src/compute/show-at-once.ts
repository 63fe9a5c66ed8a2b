import { judgementOf, type JudgeOfRequests } from '@glimpse/auth/nestjs';
import { projectOf } from '@glimpse/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EffectiveSettings } from '../config/settings.js';
import { pathOf } from '../http/path.js';
import type { Shortcut } from '../http/shortcut.js';
import type { ImageAccess } from './access.js';
import { hasCurrent } from './answer.js';
import { MIN_MICROVERSION, isAfter, negotiate } from './microversion.js';
import { apiVersionOf, linkBaseOf } from './request.js';
import { IMAGES_UNTIL } from './routes.js';
import type { Shown, ShownImages } from './shown-images.js';

/** What this is made of: what the controller and its guards are made of, and nothing else. */
export interface ShowParts {
  readonly judge: JudgeOfRequests;
  readonly access: ImageAccess;
  readonly shown: ShownImages;
  readonly settings: EffectiveSettings;
}

/**
 * Shows an image whose document was made before, in front of all that would find it again. What is judged is
 * judged by the same functions as there; whatever is no plain success goes the long way, and is told why.
 */
export function showAtOnce({ judge, access, shown, settings }: ShowParts): Shortcut {
  return (request, reply) => {
    const { image_id: id, project_id: project } = request.params as Record<string, string | undefined>;
    if (id === undefined || request.headers['cache-control'] !== undefined) return false;
    const path = pathOf(request.raw);
    if (!path.endsWith(`/images/${id}`)) return false;
    const microversion = apiVersionOf(path) === 'v2.1' ? servedTo(request, settings) : 'none';
    if (microversion === undefined) return false;

    const caller = judgementOf(judge, request);
    if (caller instanceof Promise) return false;
    if (project !== undefined && project !== projectOf(caller)) return false;
    const image = access.readKept(id, caller);
    const document = image && shown.kept(image, linkBaseOf(request, settings));
    if (!document) return false;
    send(request, reply, document, microversion);
    return true;
  };
}

/** The microversion that a request is served; undefined where it is refused. */
function servedTo({ headers }: FastifyRequest, settings: EffectiveSettings): string | undefined {
  try {
    const microversion = negotiate(headers, settings.max_microversion);
    return microversion !== MIN_MICROVERSION && isAfter(microversion, IMAGES_UNTIL)
      ? undefined
      : microversion;
  } catch {
    return undefined;
  }
}

/** What the long way sends, byte for byte, in one write: a list of headers, and the body as the text it is. */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, length, tag, modified }: Shown,
  microversion: string,
): void {
  const { raw } = reply;
  const headers = headersOf(request.id, microversion, tag, modified);
  reply.hijack();
  if (hasCurrent(request, tag)) {
    raw.writeHead(304, headers).end();
  } else {
    headers.push('content-type', 'application/json', 'content-length', length);
    raw.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : bytes, 'latin1');
  }
}

/** Names and values in turn, each list as long as it gets: this is written once for every answer. */
// prettier-ignore
function headersOf(id: string, microversion: string, tag: string, modified: string): string[] {
  if (microversion === 'none') {
    return [
      'x-compute-request-id', id, 'x-openstack-request-id', id, 'cache-control', 'private, no-cache',
      'vary', 'X-Auth-Token', 'etag', tag, 'last-modified', modified,
    ];
  }
  return [
    'x-compute-request-id', id, 'x-openstack-request-id', id, 'cache-control', 'private, no-cache',
    'vary', 'OpenStack-API-Version, X-OpenStack-Nova-API-Version, X-Auth-Token',
    'openstack-api-version', `compute ${microversion}`, 'x-openstack-nova-api-version', microversion,
    'etag', tag, 'last-modified', modified,
  ];
}
