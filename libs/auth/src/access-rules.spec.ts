import { growth } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import type { AccessRule } from '@glimpse/domain';
import fc from 'fast-check';
import { allowedByAccessRules, matchesPath } from './access-rules.js';

const A = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';

/** What a pattern says, as a regular expression over paths whose every segment ends in a slash. */
function oracle(pattern: string): RegExp {
  const pieces = pattern.split('/').map((segment) => {
    if (segment === '**') return '(?:[^/]*/)*';
    if (segment === '*' || /^\{.*\}$/.test(segment)) return '[^/]+/';
    return `${segment.replaceAll(/[^a-z0-9]/g, '\\$&')}/`;
  });
  return new RegExp(`^${pieces.join('')}$`);
}

describe('matchesPath', () => {
  it.each([
    ['/v2.1/images', '/v2.1/images'],
    ['/v2.1/images/*', A],
    ['/v2.1/images/{image_id}', A],
    ['/v2.1/{project}/images/{id}/metadata', '/v2.1/66c50f42/images/70a599e0/metadata'],
    ['/v2.1/images/{}', A],
    ['/v2.1/images/**', A],
    ['/v2.1/images/**', `${A}/metadata/kernel_id`],
    ['/v2.1/images/**', '/v2.1/images'],
    ['/v2.1/**/metadata', `${A}/metadata`],
    ['/v2.1/**/metadata', '/v2.1/metadata/metadata'],
    ['/v2.1/**/metadata/**', `${A}/metadata`],
    ['/**', '/'],
    ['**', A],
    ['/v2.1/images/**/**', A],
    ['/v2.1/images/*/metadata/**', `${A}/metadata/B`],
    ['/v2.1/images/a+b', '/v2.1/images/a+b'],
    ['/v2.1/images/a*', '/v2.1/images/a*'],
    ['', ''],
  ])('covers with %j %j', (pattern, path) => {
    expect(matchesPath(pattern, path)).toBe(true);
  });

  it.each([
    ['/v2.1/images', A],
    ['/v2.1/images', '/v2.1/images/'],
    ['/v2.1/images', '/v2.1/Images'],
    ['/v2.1/images/', '/v2.1/images'],
    ['/v2.1/images/*', '/v2.1/images'],
    ['/v2.1/images/*', '/v2.1/images/'],
    ['/v2.1/images/*', `${A}/metadata`],
    ['/v2.1/images/{id}', '/v2.1/images/'],
    ['/v2.1/images/{id}', `${A}/metadata`],
    ['/v2.1/images', '/v2x1/images'],
    ['/v2.1/im.ges', '/v2.1/images'],
    ['/v2.1/images/*', '/v2.1/servers/70a599e0'],
    ['/v2.1/images/*/metadata/**', A],
    // What the router acts on when `/v2.1/images/A/metadata/../../B` was sent.
    ['/v2.1/images/*/metadata/**', '/v2.1/images/B'],
    ['/v2.1/**/metadata', `${A}/metadata/kernel_id`],
    ['/v2.1/images/a*', '/v2.1/images/ab'],
    ['/v2.1/images/a**', '/v2.1/images/a/b'],
    ['/v2.1/images/{id', A],
    ['/v2.1/images/{id}x', A],
    ['/v2.1/images/(.*)', A],
    ['images', '/images'],
    ['', '/'],
    ['', A],
  ])('does not cover with %j %j', (pattern, path) => {
    expect(matchesPath(pattern, path)).toBe(false);
  });

  it('matches like a regular expression made from the pattern', () => {
    const patterns = fc.array(fc.constantFrom('a', 'b', '', 'a.b', '*', '**', '{x}'), {
      minLength: 1,
      maxLength: 6,
    });
    const paths = fc.array(fc.constantFrom('a', 'b', '', 'a.b', 'a+b'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(patterns, paths, (segments, path) => {
        const pattern = segments.join('/');
        expect(matchesPath(pattern, path.join('/'))).toBe(oracle(pattern).test(`${path.join('/')}/`));
      }),
      { numRuns: 5000 },
    );
  });

  it('covers every path with the path itself and with one that has wildcards for some of its segments', () => {
    const segments = fc.array(fc.stringMatching(/^[a-z.{}-]{1,4}$/), { minLength: 1, maxLength: 6 });
    const mask = fc.array(fc.constantFrom('*', '{id}', '**', undefined), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(segments, mask, (segments, mask) => {
        const path = `/${segments.join('/')}`;
        expect(matchesPath(path, path)).toBe(true);
        expect(matchesPath(`/${segments.map((segment, i) => mask[i] ?? segment).join('/')}`, path)).toBe(
          true,
        );
      }),
    );
  });

  it.each([
    ['many **', '/**/a'.repeat(2_000)],
    ['many ** in a row', '/**'.repeat(5_000)],
    ['many ** and *', '/**/*'.repeat(2_000)],
  ])('reads %s in time that grows with the lengths of pattern and path', (_, pattern) => {
    const match = (part: number): void => {
      const path = '/a'.repeat(4_000 * part);
      const start = pattern.slice(0, pattern.length * part);
      expect(matchesPath(`${start}/b`, path)).toBe(false);
      expect(matchesPath(`${start}/**/a/b`, path)).toBe(false);
    };
    // Ten times the lengths: some hundred times as long, where cubic time would be a thousand.
    expect(growth(match, 0.1, 1)).toBeLessThan(500);
  });
});

describe('allowedByAccessRules', () => {
  const rule = (changes: Partial<AccessRule> = {}): AccessRule => ({
    service: 'compute',
    method: 'GET',
    path: '/v2.1/images/*',
    ...changes,
  });

  it('allows what a rule names by service, method and path', () => {
    expect(allowedByAccessRules([rule()], 'compute', 'GET', A)).toBe(true);
  });

  it.each([
    ['another service', rule({ service: 'image' })],
    ['another method', rule({ method: 'DELETE' })],
    ['a method in small letters', rule({ method: 'get' })],
    ['any method', rule({ method: '*' })],
    ['another path', rule({ path: '/v2.1/images' })],
  ])('does not allow what a rule names for %s', (_, other) => {
    expect(allowedByAccessRules([other], 'compute', 'GET', A)).toBe(false);
  });

  it('needs one rule that names all three', () => {
    const parts = [rule({ method: 'DELETE' }), rule({ path: '/v2.1/images' }), rule({ service: 'image' })];
    expect(allowedByAccessRules(parts, 'compute', 'GET', A)).toBe(false);
    expect(allowedByAccessRules([...parts, rule()], 'compute', 'GET', A)).toBe(true);
  });

  it('allows nothing without a rule', () => {
    expect(allowedByAccessRules([], 'compute', 'GET', A)).toBe(false);
  });
});
