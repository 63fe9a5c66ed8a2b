import type { IncomingMessage } from 'node:http';
import { isUuid, type Identity } from '@glimpse/domain';
import { RouteNotFound } from '../../http/errors.js';
import { pathOf } from '../../http/path.js';
import { MethodOverride } from './errors.js';

/** The paths of image data. */
const DATA = /^\/v2\/images\/[^/]+\/(file|stage)$/;

/** Whether a request sends image data. */
export function isUpload(method: string, path: string): boolean {
  return method === 'PUT' && DATA.test(path);
}

/** Whether a request sends or receives image data. */
export function isTransfer(method: string, path: string): boolean {
  return isUpload(method, path) || (method === 'GET' && DATA.test(path));
}

/** Whether a request changes nothing. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** The images that a request may change, as far as its path names them. */
export function imagesIn(path: string): string[] {
  return path.split('/').filter(isUuid);
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Refuses what Glance, or a proxy in front of it, would serve as another request than the one that was compared with
 * the access rules of the caller's token.
 *
 * @throws {MethodOverride} {RouteNotFound}
 */
export function refuseAmbiguous(request: IncomingMessage, caller: Identity | undefined): void {
  const query = (request.url ?? '').split('?').slice(1).join('?');
  if (new URLSearchParams(query.replaceAll(';', '&')).has('_method')) throw new MethodOverride();
  // Glance reads `_method` in forms, too; without access rules that allows nothing more. Of curl, JSON is a form.
  if (caller?.accessRules && request.method === 'POST' && isForm(request)) throw new MethodOverride();
  // Glance has no such path either, but a proxy may resolve the segments.
  if (
    pathOf(request)
      .split('/')
      .some((segment) => segment === '.' || segment === '..')
  ) {
    throw new RouteNotFound();
  }
}

function isForm({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.some(
    (value, at) =>
      at % 2 === 1 &&
      rawHeaders[at - 1]!.toLowerCase() === 'content-type' &&
      /^\s*(?:application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i.test(value),
  );
}
