import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { imageLinks, serverLinks, type LinkBase, nextLink } from './links.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const PROJECT = '66c50f42ace742efaaf201e7ba0fe751';
const PAGE: LinkBase = {
  compute: 'http://openstack.example.com',
  image: 'http://glance.openstack.example.com',
  version: 'v2.1',
  project: undefined,
};

const baseUrl = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    fc.oneof(fc.domain(), fc.ipV4(), fc.constantFrom('[::1]', '[2001:db8::5]')),
    fc.constantFrom('', ':8774'),
    fc.constantFrom('', '/compute', '/clouds/north'),
  )
  .map((parts) => `${parts[0]}://${parts.slice(1).join('')}`);
const anyProject = fc.uuid().chain((id) => fc.constantFrom(id, id.replaceAll('-', '')));
const base: fc.Arbitrary<LinkBase> = fc.record({
  compute: baseUrl,
  image: baseUrl,
  version: fc.constantFrom('v2', 'v2.1'),
  project: fc.option(anyProject, { nil: undefined }),
});
/** Text as UTF-8 can hold it, with plenty of what means something in a URL. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('/', '?', '#', '%', '.', ' ', '\\', ':', '@', '&', '%2e', 'ä', '🐧', 'a'),
  }),
);

/** The segments of a link's path behind its base, as a client reads them. */
function segments(href: string, base: string): string[] {
  const path = new URL(href).pathname.slice(new URL(base).pathname.replace(/\/$/, '').length);
  return path.split('/').slice(1).map(decodeURIComponent);
}

describe('imageLinks', () => {
  it("are value for value those of the API reference's example", () => {
    expect(imageLinks(PAGE, ID)).toEqual([
      { rel: 'self', href: `http://openstack.example.com/v2.1/images/${ID}` },
      { rel: 'bookmark', href: `http://openstack.example.com/images/${ID}` },
      {
        rel: 'alternate',
        href: `http://glance.openstack.example.com/images/${ID}`,
        type: 'application/vnd.openstack.image',
      },
    ]);
  });

  it('carry the project that the request named, except to the image service', () => {
    expect(imageLinks({ ...PAGE, version: 'v2', project: PROJECT }, ID).map(({ href }) => href)).toEqual([
      `http://openstack.example.com/v2/${PROJECT}/images/${ID}`,
      `http://openstack.example.com/${PROJECT}/images/${ID}`,
      `http://glance.openstack.example.com/images/${ID}`,
    ]);
  });

  it('lead to the image below any base, in any version and any project', () => {
    fc.assert(
      fc.property(base, fc.uuid(), (base, id) => {
        const project = base.project === undefined ? [] : [base.project];
        const [self, bookmark, alternate] = imageLinks(base, id);
        expect(segments(self.href, base.compute)).toEqual([base.version, ...project, 'images', id]);
        expect(segments(bookmark.href, base.compute)).toEqual([...project, 'images', id]);
        expect(segments(alternate.href, base.image)).toEqual(['images', id]);
        expect(new URL(self.href).origin).toBe(new URL(base.compute).origin);
        expect(new URL(bookmark.href).origin).toBe(new URL(base.compute).origin);
        expect(new URL(alternate.href).origin).toBe(new URL(base.image).origin);
      }),
    );
  });
});

describe('serverLinks', () => {
  it('are self and bookmark', () => {
    expect(serverLinks({ ...PAGE, project: PROJECT }, ID)).toEqual([
      { rel: 'self', href: `http://openstack.example.com/v2.1/${PROJECT}/servers/${ID}` },
      { rel: 'bookmark', href: `http://openstack.example.com/${PROJECT}/servers/${ID}` },
    ]);
  });

  it('hold any id as one segment, which is read back as the id', () => {
    fc.assert(
      fc.property(base, text, (base, id) => {
        fc.pre(id !== '.' && id !== '..');
        const project = base.project === undefined ? [] : [base.project];
        const [self, bookmark] = serverLinks(base, id);
        expect(segments(self.href, base.compute)).toEqual([base.version, ...project, 'servers', id]);
        expect(segments(bookmark.href, base.compute)).toEqual([...project, 'servers', id]);
        expect(new URL(self.href)).toMatchObject({ search: '', hash: '', username: '', password: '' });
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['.', '%252E'],
    ['..', '%252E%252E'],
  ])('do not step out of the collection with the id %s', (id, segment) => {
    const [self, bookmark] = serverLinks({ ...PAGE, project: PROJECT }, id);
    expect(new URL(self.href).pathname).toBe(`/v2.1/${PROJECT}/servers/${segment}`);
    expect(new URL(bookmark.href).pathname).toBe(`/${PROJECT}/servers/${segment}`);
  });

  it('do not step out of the version with a project that is no project id', () => {
    const { pathname } = new URL(serverLinks({ ...PAGE, project: '../..' }, ID)[0].href);
    expect(pathname).toBe(`/v2.1/..%2F../servers/${ID}`);
  });

  it('refuse an id with half a surrogate pair', () => {
    expect(() => serverLinks(PAGE, '\ud800')).toThrow(URIError);
  });
});

describe('nextLink', () => {
  const base = { compute: 'http://x', image: 'http://y', version: 'v2.1', project: undefined } as const;

  it('keeps the parameters by name and puts the marker last', () => {
    expect(nextLink(base, 'images/detail', { status: 'ACTIVE', limit: '2', name: 'a b&c' }, 'id')).toEqual({
      rel: 'next',
      href: 'http://x/v2.1/images/detail?limit=2&name=a+b%26c&status=ACTIVE&marker=id',
    });
  });

  it('puts a new marker in the place of the one before, and carries the project', () => {
    const { href } = nextLink(
      { ...base, project: 'abc' },
      'images',
      { marker: 'old', limit: '1', name: 'n' },
      'new',
    );
    expect(href).toBe('http://x/v2.1/abc/images?limit=1&marker=new&name=n');
  });
});
