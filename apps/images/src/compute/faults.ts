import { Unauthenticated } from '@glimpse/auth';
import { DomainError, type NotOwner } from '@glimpse/domain';
import type { PropertyProtected } from '../access/protections/errors.js';
import type { Fault } from '../http/api.js';
import { faultHeaders } from '../http/fault-headers.js';

/** The status, the fault key and the message of an error; by default the error's own message. */
interface FaultForm {
  readonly status: number;
  readonly key: string;
  readonly message?: string | ((error: DomainError) => string);
}

const NO_DELETION = 'You are not allowed to delete the image.';

/** The form of each error's fault, by the error's code. */
const FAULTS: Readonly<Record<string, FaultForm>> = {
  'image-not-found': { status: 404, key: 'itemNotFound', message: 'Image not found.' },
  'route-not-found': { status: 404, key: 'itemNotFound' },
  'method-not-allowed': { status: 405, key: 'badMethod' },
  'method-not-implemented': { status: 501, key: 'notImplemented' },
  'unsupported-media-type': { status: 415, key: 'badMediaType' },
  'malformed-request': { status: 400, key: 'badRequest' },
  'project-mismatch': { status: 400, key: 'badRequest' },
  'body-too-large': { status: 413, key: 'overLimit' },
  'headers-too-large': { status: 431, key: 'badRequest' },
  'request-timeout': { status: 408, key: 'badRequest' },
  'expectation-failed': { status: 417, key: 'badRequest' },
  'invalid-microversion': { status: 400, key: 'badRequest' },
  'unsupported-microversion': { status: 406, key: 'computeFault' },
  'invalid-input': { status: 400, key: 'badRequest' },
  'marker-not-found': { status: 400, key: 'badRequest' },
  'property-not-found': { status: 404, key: 'itemNotFound', message: 'Invalid metadata key' },
  'quota-exceeded': { status: 403, key: 'forbidden', message: 'Image metadata limit exceeded' },
  'image-protected': { status: 403, key: 'forbidden', message: NO_DELETION },
  'not-owner': {
    status: 403,
    key: 'forbidden',
    message: (error) => {
      const { id, action } = error as NotOwner;
      return action === 'delete' ? NO_DELETION : `Not authorized for image ${id}.`;
    },
  },
  'property-protected': {
    status: 403,
    key: 'forbidden',
    message: (error) => `Not authorized for image ${(error as PropertyProtected).id}.`,
  },
  'change-refused': { status: 400, key: 'badRequest' },
  'change-conflict': { status: 409, key: 'conflictingRequest' },
  'policy-refused': { status: 403, key: 'forbidden' },
  'precondition-failed': { status: 412, key: 'computeFault' },
  'version-lost': { status: 412, key: 'computeFault' },
  'catalogue-unavailable': {
    status: 503,
    key: 'serviceUnavailable',
    message: 'The image catalogue is temporarily unavailable.',
  },
  'catalogue-busy': {
    status: 503,
    key: 'serviceUnavailable',
    message: 'Too many requests wait for the image catalogue. Try again later.',
  },
  'list-timeout': { status: 503, key: 'serviceUnavailable' },
  overloaded: { status: 503, key: 'serviceUnavailable' },
  'authentication-unavailable': {
    status: 503,
    key: 'serviceUnavailable',
    message: 'Tokens cannot be validated at the moment.',
  },
  'authentication-overloaded': {
    status: 503,
    key: 'serviceUnavailable',
    message: 'Too many tokens are waiting to be validated. Try again later.',
  },
};

const UNEXPECTED: FaultForm = {
  status: 500,
  key: 'computeFault',
  message: 'Unexpected API Error.',
};

/** The form of Keystone, which responses of its middleware have. */
const UNAUTHENTICATED_BODY = JSON.stringify({
  error: {
    code: 401,
    title: 'Unauthorized',
    message: 'The request you have made requires authentication.',
  },
});

/** Whether an error is an expected outcome, with a fault of its own; any other is a defect. */
export function isExpected(error: unknown): error is DomainError {
  return error instanceof Unauthenticated || (error instanceof DomainError && error.code in FAULTS);
}

/** The Compute API's response to an error: `{"itemNotFound": {"code": 404, "message": "Image not found."}}`. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Unauthenticated) {
    return {
      status: 401,
      headers: { 'content-type': 'application/json', ...faultHeaders(error) },
      body: UNAUTHENTICATED_BODY,
    };
  }
  const expected = isExpected(error) ? error : undefined;
  const { status, key, message } = (expected && FAULTS[expected.code]) ?? UNEXPECTED;
  const text = typeof message === 'function' ? message(expected!) : (message ?? expected?.message);
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...faultHeaders(error) },
    body: JSON.stringify({ [key]: { code: status, message: text } }),
  };
}
