import { describe, expect, it } from '@jest/globals';
import { CatalogueUnavailable, DomainError, ImageNotFound } from './errors.js';

describe('domain errors', () => {
  it('name the image that was not found', () => {
    const error = new ImageNotFound('70a599e0-31e7-49b7-b260-868f441e862b');
    expect(error.message).toBe('image 70a599e0-31e7-49b7-b260-868f441e862b not found');
    expect(error.id).toBe('70a599e0-31e7-49b7-b260-868f441e862b');
  });

  it('say why the catalogue cannot be asked, and when to ask again', () => {
    const cause = new Error('connection refused');
    const error = new CatalogueUnavailable({ cause });
    expect(error.cause).toBe(cause);
    expect(error.retryAfter).toBe(1);
  });

  it('can be told apart by class, by name and by a stable code', () => {
    const errors = [new ImageNotFound('x'), new CatalogueUnavailable()];
    expect(errors.every((error) => error instanceof DomainError && error instanceof Error)).toBe(true);
    expect(errors.map(({ name, code }) => [name, code])).toEqual([
      ['ImageNotFound', 'image-not-found'],
      ['CatalogueUnavailable', 'catalogue-unavailable'],
    ]);
  });
});
