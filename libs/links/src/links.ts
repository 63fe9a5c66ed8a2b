/** A link in an OpenStack document. */
export interface Link {
  readonly rel: 'self' | 'bookmark' | 'alternate';
  readonly href: string;
  readonly type?: string;
}

/** The base of the links of one response. */
export interface LinkBase {
  /** This service's base URL, without a slash at the end. */
  readonly compute: string;
  /** The image service's base URL, without a slash at the end. */
  readonly image: string;
  /** The API version of the request, the first segment of a self link. */
  readonly version: 'v2' | 'v2.1';
  /** The project id that the links carry; undefined where they carry none. */
  readonly project: string | undefined;
}

/**
 * One segment of a path. URL parsers resolve `.` and `..`, escaped as `%2E` or not, so no link can
 * lead to an id that is one of them; escaped twice it at least leads nowhere else.
 */
function segment(text: string): string {
  return text === '.' || text === '..' ? text.replaceAll('.', '%252E') : encodeURIComponent(text);
}

/** A self link holds the version and a bookmark does not, so that it outlives the version (Nova). */
function ownLinks(base: LinkBase, collection: string, id: string): [Link, Link] {
  const project = base.project === undefined ? '' : `/${segment(base.project)}`;
  const resource = `${project}/${collection}/${segment(id)}`;
  return [
    { rel: 'self', href: `${base.compute}/${base.version}${resource}` },
    { rel: 'bookmark', href: base.compute + resource },
  ];
}

/**
 * The links of an image: self, bookmark, and alternate, which leads to the image service.
 *
 * @param id the image's UUID
 * @see {@link https://docs.openstack.org/api-guide/compute/links_and_references.html}
 *
 * @example
 * imageLinks(
 *   { compute: 'http://openstack.example.com', image: 'http://glance.openstack.example.com', version: 'v2.1', project: undefined },
 *   '70a599e0-31e7-49b7-b260-868f441e862b',
 * )[0].href; // 'http://openstack.example.com/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b'
 */
export function imageLinks(base: LinkBase, id: string): [Link, Link, Link] {
  return [
    ...ownLinks(base, 'images', id),
    {
      rel: 'alternate',
      type: 'application/vnd.openstack.image',
      href: `${base.image}/images/${segment(id)}`,
    },
  ];
}

/**
 * The links of the server that an image was created from: self and bookmark.
 *
 * @param id the server's id, which is a property of the image and so any text; it is escaped. `.` and `..` cannot
 *   be a path segment: their links lead to a server that does not exist
 * @throws {URIError} the id has half a surrogate pair, which no UTF-8 text has
 */
export function serverLinks(base: LinkBase, id: string): [Link, Link] {
  return ownLinks(base, 'servers', id);
}

/** The link to the next page of a list. */
export interface NextLink {
  readonly rel: 'next';
  readonly href: string;
}

/**
 * The link to the page after a marker. It keeps the parameters of the request, in Nova's order: by name, each
 * with the value that counted, and the marker last unless there was one.
 *
 * @param path the collection, such as `images/detail`
 * @param parameters of the request, each with the value that counted
 * @param marker the id of the last image of this page
 */
export function nextLink(
  base: LinkBase,
  path: string,
  parameters: Readonly<Record<string, string>>,
  marker: string,
): NextLink {
  const sorted = Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1));
  const query = new URLSearchParams(sorted);
  query.set('marker', marker);
  const project = base.project === undefined ? '' : `/${base.project}`;
  return { rel: 'next', href: `${base.compute}/${base.version}${project}/${path}?${query.toString()}` };
}
