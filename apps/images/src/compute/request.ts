import type { IncomingMessage } from 'node:http';
import { isNoCache } from '@glimpse/auth';
import { SourceUnavailable, type ReadOptions } from '@glimpse/domain';
import { requestBaseUrl, type LinkBase } from '@glimpse/links';
import type { FastifyRequest } from 'fastify';
import type { EffectiveSettings } from '../settings/settings.js';
import { pathOf } from '../http/path.js';

/** The versions of this API: `v2` is v2.1 without microversions. */
export type ApiVersion = LinkBase['version'];

/** The API version of a path; undefined when the path is not of this API. */
export function apiVersionOf(path: string): ApiVersion | undefined {
  if (path.startsWith('/v2.1/') || path === '/v2.1') return 'v2.1';
  return path.startsWith('/v2/') || path === '/v2' ? 'v2' : undefined;
}

/** The project id in the URL of a request, where it has one. */
export function projectInUrl(request: FastifyRequest): string | undefined {
  return (request.params as { project_id?: string }).project_id;
}

/** How a request wants its image read: with `no-cache` not from what is kept. */
export function readOptionsOf(request: FastifyRequest): ReadOptions {
  return { fresh: isNoCache(request.headers['cache-control']) };
}

/** The base of links to this service. */
export function computeBaseOf(
  request: IncomingMessage,
  { public_url }: Pick<EffectiveSettings, 'public_url'>,
): string {
  const forwardedProto = request.headers['x-forwarded-proto'];
  return (
    public_url ??
    requestBaseUrl(
      request.headers.host ?? `127.0.0.1:${request.socket.localPort}`,
      Array.isArray(forwardedProto) ? forwardedProto[0] : forwardedProto,
    )
  );
}

/**
 * What the links of a request's answer are built on.
 *
 * @param project the project id in its URL, where it has one
 * @throws {SourceUnavailable} the images are a source's that has not said yet where it is
 */
export function linkBaseOf(
  request: IncomingMessage,
  project: string | undefined,
  settings: Pick<EffectiveSettings, 'public_url' | 'image_url' | 'links'>,
): LinkBase {
  if (settings.image_url === undefined) throw new SourceUnavailable('where it is has not been heard yet');
  return {
    compute: computeBaseOf(request, settings),
    image: settings.image_url,
    version: apiVersionOf(pathOf(request)) ?? 'v2.1',
    project: settings.links.project === 'never' ? undefined : project,
  };
}
