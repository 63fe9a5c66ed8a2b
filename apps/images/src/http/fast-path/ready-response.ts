import type { IncomingMessage } from 'node:http';
import type { Identity, PageCache, PageDocument } from '@glimpse/domain';
import type { ReadyDocument } from '../image-documents.js';
import { newRequestId } from '../response-headers.js';
import { isNotModified } from '../send.js';
import type { ReadyResponse } from './fast-path.js';

/** A document with the header fields that belong to it, names and values in turn. */
export interface SentDocument
  extends Pick<PageDocument, 'bytes' | 'tag'>, Pick<ReadyDocument, 'validators' | 'content'> {}

/** What an API adds to the response to a read. */
export interface ReadyRead {
  readonly document: SentDocument | Promise<SentDocument>;
  readonly caller: Identity;
  /** The pattern of the route. */
  readonly route: string;
  /** The header that names the request in this API alone. */
  readonly requestIdHeader?: string;
  /** Header names and values in turn, from `vary` to the validators. */
  readonly fields: readonly string[];
}

/** A page of a list with its header fields. */
function sentPage({ bytes, tag }: PageDocument): SentDocument {
  const content = ['content-type', 'application/json', 'content-length', String(bytes.length)];
  return { bytes, tag, validators: ['etag', tag], content };
}

/** The same of a page that is cached, or being composed. */
export function sentPageOf(
  page: ReturnType<PageCache['cachedPage']>,
): SentDocument | Promise<SentDocument> | undefined {
  return page instanceof Promise ? page.then(sentPage) : page && sentPage(page);
}

/** The same response as that of the route, byte for byte; a promise where its document is one. */
export function readyResponse(
  request: IncomingMessage,
  read: ReadyRead,
): ReadyResponse | Promise<ReadyResponse> {
  const { document } = read;
  if (!(document instanceof Promise)) return responseWith(document, request, read);
  return document.then((composed) => responseWith(composed, request, read));
}

function responseWith(
  { bytes, tag, validators, content }: SentDocument,
  request: IncomingMessage,
  { caller, route, requestIdHeader, fields }: ReadyRead,
): ReadyResponse {
  const requestId = newRequestId();
  const notModified = isNotModified(request, tag);
  const common = ['x-openstack-request-id', requestId, 'cache-control', 'private, no-cache'];
  const ids = requestIdHeader === undefined ? common : [requestIdHeader, requestId].concat(common);
  const headers = ids.concat(fields, validators, notModified ? [] : content);
  const body = notModified || request.method === 'HEAD' ? '' : bytes;
  return { requestId, caller, route, status: notModified ? 304 : 200, headers, body };
}
