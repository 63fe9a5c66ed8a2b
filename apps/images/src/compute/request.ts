import type { IncomingMessage } from 'node:http';
import { SourceUnavailable } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import type { FastifyRequest } from 'fastify';
import type { EffectiveSettings } from '../settings/settings.js';
import { baseUrlOf } from '../http/base-url.js';
import { pathOf } from '../http/path.js';

/** The versions of this API: `v2` is v2.1 without microversions. */
export type ApiVersion = LinkBase['version'];

/** The API version of a path; undefined when the path is not of this API. */
export function apiVersionOf(path: string): ApiVersion | undefined {
  if (path.startsWith('/v2.1/') || path === '/v2.1') return 'v2.1';
  return path.startsWith('/v2/') || path === '/v2' ? 'v2' : undefined;
}

/** The project id in the URL of a request, if it has one. */
export function projectInUrl(request: FastifyRequest): string | undefined {
  return (request.params as { project_id?: string }).project_id;
}

/**
 * The base of the links in a response.
 *
 * @param project the project id in the request's URL, if it has one
 * @throws {SourceUnavailable} the catalogue mirrors a source whose URL is not known yet
 */
export function linkBaseOf(
  request: IncomingMessage,
  project: string | undefined,
  settings: Pick<EffectiveSettings, 'public_url' | 'image_url' | 'links'>,
): LinkBase {
  if (settings.image_url === undefined) throw new SourceUnavailable('its URL is not known yet');
  return {
    compute: baseUrlOf(request, settings.public_url),
    image: settings.image_url,
    version: apiVersionOf(pathOf(request)) ?? 'v2.1',
    project: settings.links.project === 'never' ? undefined : project,
  };
}
