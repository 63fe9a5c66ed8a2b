import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { configuredBaseUrl, isHost, requestBaseUrl } from './base-url.js';

describe('isHost', () => {
  it.each([
    'localhost',
    'images.example.com',
    'IMAGES.example.COM',
    'images.example.com.',
    'images-2.example.com:8774',
    'glimpse_images_1',
    'glimpse_images_1:8774',
    'xn--mnchen-3ya.example',
    'a',
    '127.0.0.1',
    '10.0.0.1:80',
    '[::1]',
    '[::1]:8774',
    '[2001:DB8::5]:443',
    '[::ffff:10.0.0.1]',
    'localhost:0',
    'localhost:65535',
    'a'.repeat(255),
    `${'a'.repeat(255)}:65535`,
  ])('takes %s', (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each([
    '',
    ' ',
    ' localhost',
    'localhost ',
    'local host',
    'localhost\n',
    'user@localhost',
    'user:secret@localhost',
    'localhost/',
    'localhost/path',
    'localhost?query',
    'localhost#fragment',
    'localhost\\path',
    'http://localhost',
    'javascript:',
    'javascript:alert(1)',
    'javascript:0//',
    '"><script>',
    'a,b',
    'a;b',
    'a%2fb',
    'münchen.example',
    '.example.com',
    '-example.com',
    'example.com..',
    ':8774',
    'localhost:',
    'localhost:x',
    'localhost:-1',
    'localhost:65536',
    'localhost:99999',
    'localhost:123456',
    'localhost:80:80',
    '::1',
    '[]',
    '[:::]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1%eth0]',
    '[localhost]',
    '256.0.0.1',
    '10.0.0.0.1',
    'a'.repeat(256),
    `${'a'.repeat(256)}:80`,
    'a'.repeat(10_000),
  ])('refuses %j', (host) => {
    expect(isHost(host)).toBe(false);
  });

  it('accepts nothing that makes another URL than one of that host', () => {
    const piece = fc.constantFrom(
      'a',
      'Z',
      '0',
      '.',
      '-',
      '_',
      ':',
      '[',
      ']',
      '@',
      '/',
      '?',
      '#',
      '%',
      '\\',
      ' ',
    );
    const host = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
      fc.tuple(fc.constantFrom('images', '[::1]', '10.0.0.1'), piece, piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(host, (host) => {
        fc.pre(isHost(host));
        const url = new URL(`http://${host}/images`);
        expect(url).toMatchObject({ pathname: '/images', search: '', hash: '', username: '', password: '' });
      }),
      { numRuns: 500 },
    );
  });

  it('accepts every IP address and port', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    );
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 65535 }), (address, port) => {
        expect(isHost(address)).toBe(true);
        expect(isHost(`${address}:${port}`)).toBe(true);
      }),
    );
  });
});

describe('requestBaseUrl', () => {
  it.each([
    [undefined, 'http'],
    ['', 'http'],
    ['http', 'http'],
    ['https', 'https'],
    ['HTTPS', 'https'],
    [' https ', 'https'],
    ['https, http', 'https'],
    ['https,http', 'https'],
    ['http, https', 'http'],
    [', https', 'http'],
    ['javascript', 'http'],
    ['javascript:alert(1)//', 'http'],
    ['https:', 'http'],
    ['httpsx', 'http'],
    ['wss', 'http'],
  ])('makes of X-Forwarded-Proto %j the scheme %s', (forwarded, scheme) => {
    expect(requestBaseUrl('images.example.com:8774', forwarded)).toBe(`${scheme}://images.example.com:8774`);
  });
});

describe('configuredBaseUrl', () => {
  it.each([
    ['http://images.example.com', 'http://images.example.com'],
    ['http://images.example.com/', 'http://images.example.com'],
    ['http://images.example.com//', 'http://images.example.com'],
    ['https://images.example.com:8774', 'https://images.example.com:8774'],
    ['https://images.example.com:443/', 'https://images.example.com'],
    ['HTTPS://Images.Example.COM/Compute/', 'https://images.example.com/Compute'],
    ['https://example.com/compute', 'https://example.com/compute'],
    ['https://example.com/clouds/north/', 'https://example.com/clouds/north'],
    ['http://[::1]:8774/', 'http://[::1]:8774'],
    [' http://images.example.com ', 'http://images.example.com'],
  ])('makes of %j %s', (text, base) => {
    expect(configuredBaseUrl(text)).toBe(base);
  });

  it.each([
    '',
    'images.example.com',
    '//images.example.com',
    '/compute',
    'localhost:8774',
    'http://',
    'http://local host',
    'http://localhost:99999',
    'ftp://images.example.com',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://user@images.example.com',
    'https://user:secret@images.example.com',
    'https://:secret@images.example.com',
    'https://images.example.com?a=b',
    'https://images.example.com/?',
    'https://images.example.com/#top',
    'https://images.example.com/#',
  ])('refuses %j', (text) => {
    expect(configuredBaseUrl(text)).toBeUndefined();
  });

  it('leaves what it made as it is', () => {
    fc.assert(
      fc.property(fc.webUrl(), (text) => {
        const base = configuredBaseUrl(text);
        expect(base).toBeDefined();
        expect(configuredBaseUrl(base!)).toBe(base);
        expect(base).not.toMatch(/\/$/);
      }),
    );
  });
});
