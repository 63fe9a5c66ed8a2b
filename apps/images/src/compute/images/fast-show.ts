import type { IncomingMessage } from 'node:http';
import { judgementOf, type JudgeOfRequests } from '@glimpse/auth/nestjs';
import { projectOf, type Identity } from '@glimpse/domain';
import type { EffectiveSettings } from '../../settings/settings.js';
import { newRequestId } from '../../http/response-headers.js';
import type { AnswerAtOnce, Shortcut } from '../../http/fast-path/fast-path.js';
import type { ImageAccess } from '../../access/image-access.js';
import { hasCurrent } from '../../http/send.js';
import { isProjectId } from '../api.js';
import { MIN_MICROVERSION, isAfter, negotiate } from '../microversions.js';
import { linkBaseOf, type ApiVersion } from '../request.js';
import { IMAGES_UNTIL } from '../routes.js';
import type { Shown, ShownImages } from '../../http/image-documents.js';

/** What this is made of: what the controller and its guards are made of, and nothing else. */
export interface ShowParts {
  readonly judge: JudgeOfRequests;
  readonly access: ImageAccess;
  readonly shown: ShownImages;
  readonly settings: EffectiveSettings;
}

/** The routes that this stands in front of: without the project in the URL, and with it. */
const ROUTES = {
  v2: ['/v2/images/:image_id', '/v2/:project_id/images/:image_id'],
  'v2.1': ['/v2.1/images/:image_id', '/v2.1/:project_id/images/:image_id'],
} as const;

/** The paths of these routes: the API version, the project where there is one, and the image. */
const SHOW = /^\/(v2(?:\.1)?)(?:\/([^/]+))?\/images\/([^/]+)$/;

/**
 * Shows an image whose document was made before, in front of all that would find it again. What is judged is
 * judged by the same functions as there; whatever is no plain success goes the long way, and is told why.
 */
export function showAtOnce({ judge, access, shown, settings }: ShowParts): Shortcut {
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
    const microversion = version === 'v2.1' ? servedTo(request, settings) : 'none';
    if (microversion === undefined) return undefined;

    const method = request.method!;
    const caller = judgementOf(judge, { method, path, headers, socket }, request);
    if (caller instanceof Promise) return undefined;
    if (project !== undefined && project !== projectOf(caller)) return undefined;
    const image = access.readKept(id, caller);
    const document = image && shown.kept(image, linkBaseOf(request, project, settings));
    if (!document) return undefined;

    const route = ROUTES[version][project === undefined ? 0 : 1];
    return answerOf(request, document, { microversion, caller, route, vary });
  };
}

/** The microversion that a request is served; undefined where it is refused. */
function servedTo({ headers }: IncomingMessage, settings: EffectiveSettings): string | undefined {
  try {
    const microversion = negotiate(headers, settings.max_microversion);
    return microversion !== MIN_MICROVERSION && isAfter(microversion, IMAGES_UNTIL)
      ? undefined
      : microversion;
  } catch {
    return undefined;
  }
}

/** What the long way sends, byte for byte. */
function answerOf(
  request: IncomingMessage,
  { bytes, tag, validators, content }: Shown,
  {
    microversion,
    caller,
    route,
    vary,
  }: { microversion: string; caller: Identity; route: string; vary: string },
): AnswerAtOnce {
  const requestId = newRequestId();
  const current = hasCurrent(request, tag);
  const headers =
    `x-compute-request-id: ${requestId}\r\nx-openstack-request-id: ${requestId}\r\n` +
    `cache-control: private, no-cache\r\n${microversionLines(microversion, vary)}` +
    validators +
    (current ? '' : content);
  const body = current || request.method === 'HEAD' ? '' : bytes;
  return { requestId, caller, route, status: current ? 304 : 200, headers, body };
}

function microversionLines(microversion: string, vary: string): string {
  if (microversion === 'none') return `vary: ${vary}\r\n`;
  return (
    `vary: OpenStack-API-Version, X-OpenStack-Nova-API-Version, ${vary}\r\n` +
    `openstack-api-version: compute ${microversion}\r\nx-openstack-nova-api-version: ${microversion}\r\n`
  );
}
