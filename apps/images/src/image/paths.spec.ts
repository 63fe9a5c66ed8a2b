import { describe, expect, it } from '@jest/globals';
import { requestPath } from '../http/path.js';
import { imagePaths } from './paths.js';

const pathOf = (target: string, publicUrl?: string): string | undefined =>
  requestPath(target, imagePaths(publicUrl))?.path;

describe('a path of the Image API', () => {
  it.each([
    ['/v2/images', '/v2/images'],
    ['/v2.0/images', '/v2/images'],
    ['/v2.9/images', '/v2/images'],
    ['/v2.15/images', '/v2/images'],
    ['/v2.15', '/v2'],
    ['/v2.7/', '/v2/'],
    ['//v2//images', '/v2/images'],
    ['/%762/images', '/v2/images'],
    ['/v2%2E7/images', '/v2/images'],
    ['/v2/images/a%2Fb', '/v2/images/a/b'],
    ['/v2/images/%252F', '/v2/images/%2F'],
    ['/v2.16/images', '/v2.16/images'],
    ['/v2.99/images', '/v2.99/images'],
    ['/v2.07/images', '/v2.07/images'],
    ['/v2./images', '/v2./images'],
    ['/V2/images', '/V2/images'],
    ['/v2x/images', '/v2x/images'],
    ['/v2/./images', '/v2/./images'],
    ['/v3/../v2/images', '/v3/../v2/images'],
    ['/v2/images/%2e%2e', '/v2/images/..'],
  ])('has one form: %s', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it.each([
    ['/image/v2/images', '/v2/images'],
    ['/image/v2.7/images', '/v2/images'],
    ['/v2/images', '/v2/images'],
    ['/image', '/'],
    ['/image/', '/'],
    ['/images/v2', '/images/v2'],
    ['/image/image/v2', '/image/v2'],
  ])('may have the path of the endpoint in front: %s', (target, path) => {
    expect(pathOf(target, 'https://cloud.example.com/image')).toBe(path);
  });

  it('is routed in its one form, with the query as it was sent', () => {
    expect(requestPath('/v2.7/images?a=%2F', imagePaths(undefined))?.routed).toBe('/v2/images?a=%2F');
    expect(requestPath('/v2.7/im%61ges/ü?a=b', imagePaths(undefined))?.routed).toBe('/v2/images/%C3%BC?a=b');
  });
});
