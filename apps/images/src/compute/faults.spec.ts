import { AuthenticationUnavailable, PolicyRefused, Unauthenticated } from '@glimpse/auth';
import {
  CatalogueUnavailable,
  DomainError,
  ImageNotFound,
  ImageProtected,
  MarkerNotFound,
  NotOwner,
  PropertyNotFound,
  QuotaExceeded,
  VersionLost,
} from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import {
  BodyTooLarge,
  ExpectationFailed,
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  RequestTimeout,
  RouteNotFound,
} from '../http/errors.js';
import { PreconditionFailed } from '../http/send.js';
import { faultOf, isExpected } from './faults.js';
import { InvalidMicroversion, UnsupportedMicroversion } from './microversions.js';
import { InvalidInput } from '../http/validation.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const NO_DELETION = 'You are not allowed to delete the image.';

describe('faultOf', () => {
  it.each<[DomainError, number, string, string]>([
    [new ImageNotFound(ID), 404, 'itemNotFound', 'Image not found.'],
    [new RouteNotFound(), 404, 'itemNotFound', 'The resource could not be found.'],
    [new PropertyNotFound('k'), 404, 'itemNotFound', 'Invalid metadata key'],
    [new MarkerNotFound('abc'), 400, 'badRequest', 'marker [abc] not found'],
    [new MalformedRequest('Like this.'), 400, 'badRequest', 'Like this.'],
    [new InvalidInput('Like that.'), 400, 'badRequest', 'Like that.'],
    [
      new InvalidMicroversion('x'),
      400,
      'badRequest',
      'API Version String x is of invalid format. Must be of format MajorNum.MinorNum.',
    ],
    [
      new UnsupportedMicroversion('9.9', '2.38'),
      406,
      'computeFault',
      'Version 9.9 is not supported by the API. Minimum is 2.1 and maximum is 2.38.',
    ],
    [new NotOwner(ID, 'delete'), 403, 'forbidden', NO_DELETION],
    [new NotOwner(ID, 'change'), 403, 'forbidden', `Not authorized for image ${ID}.`],
    [new ImageProtected(ID), 403, 'forbidden', NO_DELETION],
    [
      new PolicyRefused('modify_image'),
      403,
      'forbidden',
      "Policy doesn't allow modify_image to be performed.",
    ],
    [new QuotaExceeded(128), 403, 'forbidden', 'Image metadata limit exceeded'],
    [new RequestTimeout(), 408, 'badRequest', 'The request did not arrive in time.'],
    [new PreconditionFailed(), 412, 'computeFault', 'The image is not in the state that If-Match names.'],
    [new VersionLost(), 412, 'computeFault', 'the image has changed'],
    [new BodyTooLarge(114_688), 413, 'overLimit', 'The request body is larger than 114688 bytes.'],
    [new ExpectationFailed(), 417, 'badRequest', 'The only expectation that is met is 100-continue.'],
    [new HeadersTooLarge(), 431, 'badRequest', 'The request line and headers are larger than 16384 bytes.'],
  ])('responds to %o as documented', (error, status, key, message) => {
    expect(isExpected(error)).toBe(true);
    expect(faultOf(error)).toEqual({
      status,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: JSON.stringify({ [key]: { code: status, message } }),
    });
  });

  it('names the allowed methods for a wrong one', () => {
    const fault = faultOf(new MethodNotAllowed('PATCH', 'GET, HEAD, OPTIONS'));
    expect(fault).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
    expect(JSON.parse(fault.body)).toEqual({
      badMethod: {
        code: 405,
        message: 'The method PATCH is not allowed for this resource; allowed are GET, HEAD, OPTIONS.',
      },
    });
  });

  it.each([new CatalogueUnavailable({ cause: new Error('secret') }), new AuthenticationUnavailable(7)])(
    'says when to retry after %o, and not why',
    (error) => {
      const { status, headers, body } = faultOf(error);
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe(String(error.retryAfter));
      expect(JSON.parse(body)).toEqual({
        serviceUnavailable: {
          code: 503,
          message: expect.stringMatching(/ temporarily unavailable\.$| cannot be validated at the moment\.$/),
        },
      });
      expect(body).not.toContain('secret');
    },
  );

  it('responds to a missing token in the form of Keystone', () => {
    const { status, headers, body } = faultOf(new Unauthenticated('Keystone uri="http://k"'));
    expect(status).toBe(401);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'www-authenticate': 'Keystone uri="http://k"',
    });
    expect(JSON.parse(body)).toEqual({
      error: {
        code: 401,
        title: 'Unauthorized',
        message: 'The request you have made requires authentication.',
      },
    });
  });

  class Unheard extends DomainError {
    readonly code = 'unheard';
  }
  it.each([
    [new Error('secret')],
    [new Unheard('secret')],
    ['secret'],
    [null],
    [undefined],
    [{ code: 'secret' }],
  ])('responds to the unknown error %o with 500, and reveals nothing of it', (error) => {
    expect(isExpected(error)).toBe(false);
    expect(faultOf(error)).toEqual({
      status: 500,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: '{"computeFault":{"code":500,"message":"Unexpected API Error."}}',
    });
  });
});
