import { STATUS_CODES } from 'node:http';
import { Unauthenticated } from '@glimpse/auth';
import { DomainError, type ImageNotFound } from '@glimpse/domain';
import type { Fault } from '../http/api.js';
import { UnknownPatch } from './images/image-patch.js';
import { faultHeaders } from '../http/fault-headers.js';
import { RangeNotSatisfiable } from './data/byte-range.js';

/** The status and the message of an error; by default the error's own message. */
interface FaultForm {
  readonly status: number;
  readonly message?: string | ((error: DomainError) => string);
}

/** The form of each error's fault, by the error's code. */
const FAULTS: Readonly<Record<string, FaultForm>> = {
  'malformed-request': { status: 400 },
  'invalid-input': { status: 400 },
  'method-override': { status: 400 },
  // One text for every marker that does not exist for the caller.
  'marker-not-found': { status: 400, message: 'The marker is no image that is listed for this caller.' },
  'formats-missing': { status: 400 },
  'unknown-store': { status: 400 },
  'already-stored': { status: 400 },
  'unsafe-data': { status: 400 },
  'policy-refused': { status: 403 },
  'not-owner': { status: 403 },
  'owner-refused': { status: 403 },
  'attribute-refused': { status: 403 },
  'property-protected': { status: 403 },
  'image-protected': { status: 403 },
  'wrong-status': { status: 403 },
  'cannot-share': { status: 403 },
  'image-deactivated': { status: 403 },
  'only-store': { status: 403 },
  'not-shared': { status: 403 },
  'image-not-found': {
    status: 404,
    message: (error) => `No image found with ID ${(error as ImageNotFound).id}`,
  },
  'member-not-found': { status: 404 },
  'tag-not-found': { status: 404 },
  'not-in-store': { status: 404 },
  'route-not-found': { status: 404 },
  'document-not-found': { status: 404 },
  'method-not-allowed': { status: 405 },
  'request-timeout': { status: 408 },
  'image-exists': { status: 409 },
  'member-exists': { status: 409 },
  'patch-conflict': { status: 409 },
  'change-conflict': { status: 409 },
  'not-queued': { status: 409 },
  'not-staged': { status: 409 },
  'not-active': { status: 409 },
  'operation-in-progress': { status: 409 },
  'nothing-to-copy': { status: 409 },
  'store-not-available': { status: 409 },
  'upload-gone': { status: 410 },
  'precondition-failed': { status: 412 },
  'version-lost': { status: 412 },
  'body-too-large': { status: 413 },
  'limit-exceeded': { status: 413 },
  'storage-quota-exceeded': { status: 413 },
  'image-too-large': { status: 413 },
  'data-too-large': { status: 413 },
  'unknown-patch': { status: 415 },
  'unsupported-media-type': { status: 415 },
  'range-not-satisfiable': { status: 416 },
  'expectation-failed': { status: 417 },
  'headers-too-large': { status: 431 },
  'method-not-implemented': { status: 501 },
  'route-not-served': { status: 501 },
  'no-store': { status: 501 },
  'data-unavailable': { status: 502 },
  'wrong-store': { status: 502 },
  'upload-cut-off': { status: 502 },
  'glance-failed': { status: 502 },
  'glance-unavailable': { status: 503 },
  'data-timeout': { status: 504 },
  'glance-silent': { status: 504 },
  'store-full': { status: 507 },
  'request-loop': { status: 508 },
  'catalogue-unavailable': { status: 503, message: 'The image catalogue is temporarily unavailable.' },
  'catalogue-busy': {
    status: 503,
    message: 'Too many requests wait for the image catalogue. Try again later.',
  },
  'list-timeout': { status: 503 },
  overloaded: { status: 503 },
  'authentication-unavailable': { status: 503, message: 'Tokens cannot be validated at the moment.' },
  'authentication-overloaded': {
    status: 503,
    message: 'Too many tokens are waiting to be validated. Try again later.',
  },
};

const UNAUTHENTICATED: FaultForm = {
  status: 401,
  message: 'The request you have made requires authentication.',
};
const UNEXPECTED: FaultForm = { status: 500, message: 'The service failed to process the request.' };

/** Errors because of too many requests. */
const TOO_MANY: ReadonlySet<string> = new Set(['overloaded', 'authentication-overloaded', 'catalogue-busy']);

/**
 * The status for an upload instead of another: clients repeat a 503 with the file already read, and an empty image
 * becomes active.
 */
function statusForUpload(status: number, code: string | undefined): number {
  if (status !== 503) return status;
  return code !== undefined && TOO_MANY.has(code) ? 429 : 502;
}

/** Whether an error is an expected outcome, with a fault of its own; any other is a defect. */
export function isExpected(error: unknown): error is DomainError {
  return error instanceof Unauthenticated || (error instanceof DomainError && error.code in FAULTS);
}

/**
 * The Image API's response to an error: `{"error": {"code": 404, "title": "Not Found", "message": "…"}}`. Glance's own
 * form is HTML unless the client wants JSON; this one is read by openstacksdk, glanceclient and gophercloud.
 */
export function faultOf(error: unknown, toUpload = false): Fault {
  const expected = isExpected(error) ? error : undefined;
  const { status: usual, message } =
    error instanceof Unauthenticated ? UNAUTHENTICATED : ((expected && FAULTS[expected.code]) ?? UNEXPECTED);
  const status = toUpload ? statusForUpload(usual, expected?.code) : usual;
  const text = typeof message === 'function' ? message(expected!) : (message ?? expected?.message);
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(error instanceof UnknownPatch && { 'accept-patch': error.acceptPatch }),
      ...(error instanceof RangeNotSatisfiable && { 'content-range': `bytes */${error.size}` }),
      ...faultHeaders(error),
    },
    body: JSON.stringify({ error: { code: status, title: STATUS_CODES[status], message: text } }),
  };
}
