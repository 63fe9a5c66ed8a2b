import type { IncomingMessage } from 'node:http';
import type { Identity } from '@glimpse/domain';
import type { ReadyDocument } from '../image-documents.js';
import { newRequestId } from '../response-headers.js';
import { isNotModified } from '../send.js';
import type { ReadyResponse } from './fast-path.js';

/** What an API adds to the response to a request for one image. */
export interface ReadyImage {
  readonly document: ReadyDocument;
  readonly caller: Identity;
  /** The pattern of the route. */
  readonly route: string;
  /** The header that names the request in this API alone. */
  readonly requestIdHeader?: string;
  /** Header names and values in turn, from `vary` to the validators. */
  readonly fields: readonly string[];
}

/** The same response as that of a route that shows an image, byte for byte. */
export function readyImageResponse(
  request: IncomingMessage,
  { document: { bytes, tag, validators, content }, caller, route, requestIdHeader, fields }: ReadyImage,
): ReadyResponse {
  const requestId = newRequestId();
  const notModified = isNotModified(request, tag);
  const headers = [
    ...(requestIdHeader === undefined ? [] : [requestIdHeader, requestId]),
    'x-openstack-request-id',
    requestId,
    'cache-control',
    'private, no-cache',
    ...fields,
    ...validators,
    ...(notModified ? [] : content),
  ];
  const body = notModified || request.method === 'HEAD' ? '' : bytes;
  return { requestId, caller, route, status: notModified ? 304 : 200, headers, body };
}
