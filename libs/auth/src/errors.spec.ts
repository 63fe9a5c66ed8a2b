import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@glimpse/domain';
import { AuthenticationUnavailable, Unauthenticated } from './errors.js';

describe('errors of authentication', () => {
  it('carry what a face needs for its answer', () => {
    expect(new Unauthenticated('Keystone uri="http://a"').challenge).toBe('Keystone uri="http://a"');
    expect(new AuthenticationUnavailable(7).retryAfter).toBe(7);
  });

  it('are domain errors with a stable code', () => {
    const errors = [new Unauthenticated(''), new AuthenticationUnavailable(1)];
    expect(errors.every((error) => error instanceof DomainError)).toBe(true);
    expect(errors.map(({ name, code }) => [name, code])).toEqual([
      ['Unauthenticated', 'unauthenticated'],
      ['AuthenticationUnavailable', 'authentication-unavailable'],
    ]);
  });
});
