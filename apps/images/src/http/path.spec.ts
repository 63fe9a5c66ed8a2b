import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PLAIN_PATHS, pathOf, requestPath, rewriteUrl } from './path.js';

describe('requestPath', () => {
  it.each([
    ['/v2.1/images', '/v2.1/images'],
    ['/', '/'],
    ['//v2.1//images///x', '/v2.1/images/x'],
    ['/v2.1/images/', '/v2.1/images/'],
    ['/v2.1/images//', '/v2.1/images/'],
    ['/a/../b', '/b'],
    ['/a/b/../../c', '/c'],
    ['/../../a', '/a'],
    ['/./a/./b', '/a/b'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a//../b', '/a/b'],
    ['/a/.../b', '/a/.../b'],
    ['/a/..b/.c', '/a/..b/.c'],
    ['/a/%2e%2e/b', '/a/../b'],
    ['/a/.%2E/b', '/a/../b'],
    ['/a%2Fb', '/a/b'],
    ['/a/%2fb', '/a/b'],
    ['/im%61ges', '/images'],
    ['/im%2561ges', '/im%61ges'],
    ['/a%3Fb', '/a?b'],
    ['/a%00', '/a\0'],
    ['/%E2%9C%93', '/✓'],
    ['/a+b', '/a+b'],
    ['*', '/*'],
    ['', '/'],
    ['a', '/a'],
    ['http://h/a/../b', '/b'],
    ['HTTPS://h:1//a', '/a'],
    ['http://h', '/'],
    ['http://', '/'],
    ['/http://h/a', '/http:/h/a'],
  ])('makes of %j the path %j', (target, path) => {
    expect(requestPath(target, PLAIN_PATHS)?.path).toBe(path);
  });

  it.each(['/%', '/%2', '/%zz', '/a%', '/%ff', '/%c0%ae', '/%ed%a0%80', '/%e2%82', '/%f8%88%80%80%80'])(
    'finds no path in %j',
    (target) => {
      expect(requestPath(target, PLAIN_PATHS)).toBeUndefined();
    },
  );

  it.each([
    ['/a?b=%zz', '/a?b=%zz'],
    ['/a?', '/a?'],
    ['/a??b', '/a??b'],
    ['/a?/../b', '/a?/../b'],
    ['//a?x', '/a?x'],
    ['/im%61ges?x', '/images?x'],
    ['http://h?x', '/?x'],
    ['http://h/a?x', '/a?x'],
    ['/a%3Fb?c', '/a%3Fb?c'],
    ['/im%2561ges', '/im%2561ges'],
    ['/a%2Fb', '/a/b'],
    ['/a#b', '/a%23b'],
    ['/a;b', '/a%3Bb'],
    ['/%2e%2e/a', '/../a'],
  ])('hands of %j the router %j', (target, routed) => {
    expect(requestPath(target, PLAIN_PATHS)?.routed).toBe(routed);
  });

  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%25',
    '%',
    'a',
    'é',
    '?',
    '%c3%a9',
    '#',
    ' ',
    '//',
    '\\',
  );
  const target = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`),
    fc.webUrl({ withQueryParameters: true }),
    fc.string({ unit: 'binary' }),
  );

  it('hands the router what decodes to the very path, segment by segment', () => {
    fc.assert(
      fc.property(target, (target) => {
        const computed = requestPath(target, PLAIN_PATHS);
        if (!computed) return;
        const { path, routed } = computed;
        const [raw = ''] = routed.split('?', 1);
        expect(raw.split('/').map(decodeURIComponent).join('/')).toBe(path);
        expect(path).toMatch(/^\//);
        expect(path).not.toContain('//');
      }),
      { numRuns: 5_000 },
    );
  });

  it('never steps: what was decoded is not resolved again', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '%2e%2e', '%2e', 'b'), { minLength: 1 }), (segments) => {
        expect(requestPath(`/${segments.join('/')}`, PLAIN_PATHS)?.path.split('/')).toHaveLength(
          segments.length + 1,
        );
      }),
    );
  });

  it('is a plain target itself, with and without the short cut', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\w-][\w.-]*$/), { minLength: 1 }), (segments) => {
        const usual = `/${segments.join('/')}`;
        expect(requestPath(usual, PLAIN_PATHS)).toEqual({ path: usual, routed: usual });
        expect(requestPath(`/${usual}`, PLAIN_PATHS)).toEqual({ path: usual, routed: usual });
      }),
    );
  });
});

describe('rewriteUrl', () => {
  const request = (url: string | undefined, host?: string): IncomingMessage =>
    ({ url, headers: { host } }) as IncomingMessage;

  it('remembers the path of each request', () => {
    const [one, other] = [request('//a/../im%61ges?x'), request('/v2.1/images')];
    expect([rewriteUrl(one, PLAIN_PATHS), rewriteUrl(other, PLAIN_PATHS)]).toEqual([
      '/images?x',
      '/v2.1/images',
    ]);
    expect([pathOf(one), pathOf(other)]).toEqual(['/images', '/v2.1/images']);
  });

  it('has no path for what cannot be decoded, and for what it never saw', () => {
    const broken = request('/%zz');
    expect(rewriteUrl(broken, PLAIN_PATHS)).toBe('//');
    expect(pathOf(broken)).toBe('');
    expect(pathOf(request('/'))).toBe('');
  });

  it.each([
    ['/v2.1/', '/v2.1'],
    ['/v2.1/?x', '/v2.1?x'],
    ['/v2.1//', '/v2.1'],
    ['/', '/'],
    ['/v2.1/images/', '/v2.1/images/'],
  ])('routes %s as %s', (target, routed) => {
    expect(rewriteUrl(request(target), PLAIN_PATHS)).toBe(routed);
  });

  it('puts the host of an absolute target in the place of the Host header', () => {
    const absolute = request('http://named:81/a', 'other');
    rewriteUrl(absolute, PLAIN_PATHS);
    expect(absolute.headers.host).toBe('named:81');
    const relative = request('/a', 'other');
    rewriteUrl(relative, PLAIN_PATHS);
    expect(relative.headers.host).toBe('other');
  });
});
