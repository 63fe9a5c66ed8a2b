import { isUuid, type Member, type MemberStatus, type SourceImage } from '@glimpse/domain';
import { readImageDocument } from './image-document.js';

/** A response of the Image API to a request that may change images. */
export interface ImageApiResponse {
  readonly method: string;
  /** With its escapes decoded, and without the query. */
  readonly path: string;
  readonly status: number;
  /** The parsed document, if it has one. */
  readonly body?: unknown;
}

/**
 * Whether an image that was fetched after a response is as the response shows it:
 * - `shown`: it is, or it changed again since
 * - `older`: it is not: it was fetched from a host that does not have the change yet
 * - `unclear`: the response shows nothing that would distinguish the two
 */
export type Comparison = 'shown' | 'older' | 'unclear';

/**
 * What a response says of images:
 * - `none`: the request was refused
 * - `unknown`: the change may or may not have been made, or may still be
 * - `removed`: the image does not exist any more
 * - `changed`: it was made; of one image, or of any that the request names
 */
export type ResponseEffect =
  | { readonly kind: 'none' | 'unknown' }
  | { readonly kind: 'removed'; readonly imageId: string }
  | {
      readonly kind: 'changed';
      readonly imageId: string | undefined;
      compare(image: SourceImage, members: ReadonlyMap<string, Member>): Comparison;
    };

const NONE: ResponseEffect = { kind: 'none' };
const UNKNOWN: ResponseEffect = { kind: 'unknown' };
const UNCLEAR: ResponseEffect = { kind: 'changed', imageId: undefined, compare: () => 'unclear' };

const IMAGE_PATH = /^\/v2(?:\.\d+)?\/images\/([^/]+)(?:\/([^/]+)(?:\/(.+))?)?$/;

/**
 * What a response of the Image API says of the images that the request may have changed.
 *
 * @example
 * responseEffect({ method: 'DELETE', path: '/v2/images/70a599e0-31e7-49b7-b260-868f441e862b', status: 204 });
 * // { kind: 'removed', imageId: '70a599e0-31e7-49b7-b260-868f441e862b' }
 */
export function responseEffect(response: ImageApiResponse): ResponseEffect {
  const { method, path, status, body } = response;
  if (status >= 500 || status < 200) return UNKNOWN;
  if (status >= 300) return NONE;
  const [, id, kind, name] = IMAGE_PATH.exec(path) ?? [];
  if (id === undefined || !isUuid(id)) return status === 201 ? ofDocument(body) : UNCLEAR;
  const imageId = id.toLowerCase();
  if (kind === undefined) {
    if (method === 'DELETE') return status === 204 ? { kind: 'removed', imageId } : UNCLEAR;
    return method === 'PATCH' ? ofDocument(body) : UNCLEAR;
  }
  const compare = comparisonOf(method, kind, name, body);
  return compare ? { kind: 'changed', imageId, compare } : UNCLEAR;
}

type Compare = Extract<ResponseEffect, { kind: 'changed' }>['compare'];

const when = (isShown: boolean, otherwise: Comparison = 'older'): Comparison =>
  isShown ? 'shown' : otherwise;

/** How the images of a route are compared; undefined for routes without a sign. */
function comparisonOf(
  method: string,
  kind: string,
  name: string | undefined,
  body: unknown,
): Compare | undefined {
  switch (`${method} ${kind}`) {
    case 'PUT tags':
      return name === undefined ? undefined : ({ tags }) => when(tags.includes(name));
    case 'DELETE tags':
      return name === undefined ? undefined : ({ tags }) => when(!tags.includes(name));
    case 'POST members':
    case 'PUT members':
      return ofMember(body);
    case 'DELETE members':
      return name === undefined ? undefined : (_image, members) => when(!members.has(name));
    case 'PUT file':
      return ({ status }) => when(status !== 'queued' && status !== 'saving');
    case 'PUT stage':
      return ({ status }) => when(status !== 'queued');
    case 'POST import':
      return ({ status, properties }) =>
        when(
          (status !== 'queued' && status !== 'uploading') ||
            Object.hasOwn(properties, 'os_glance_import_task'),
          'unclear',
        );
    case 'POST actions':
      if (name === 'deactivate') return ({ status }) => when(status !== 'active');
      return name === 'reactivate' ? ({ status }) => when(status !== 'deactivated') : undefined;
  }
  return undefined;
}

function ofMember(body: unknown): Compare | undefined {
  const { member_id: id, status, updated_at: updatedAt } = Object(body) as Record<string, unknown>;
  if (typeof id !== 'string') return undefined;
  return ({ visibility }, members) => {
    const member = members.get(id);
    // Of an image that is not shared any more members are not read.
    if (visibility !== 'shared') return 'shown';
    const isLater = Number(member?.updatedAt) > Date.parse(String(updatedAt));
    return when(member !== undefined && (member.status === (status as MemberStatus) || isLater));
  };
}

function ofDocument(body: unknown): ResponseEffect {
  let shown: SourceImage;
  try {
    shown = readImageDocument(body);
  } catch {
    return UNCLEAR;
  }
  return { kind: 'changed', imageId: shown.id, compare: (image) => compareDocuments(shown, image) };
}

/** Attributes that Glance shows by caller or that are compared by themselves. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['properties', 'locations', 'createdAt', 'updatedAt']);

function compareDocuments(shown: SourceImage, image: SourceImage): Comparison {
  // Whole seconds: a change of the same second has the same time.
  if (image.updatedAt > shown.updatedAt) return 'shown';
  if (image.updatedAt < shown.updatedAt) return 'older';
  const differs = (Object.keys(shown) as (keyof SourceImage)[]).some(
    (key) => !NOT_COMPARED.has(key) && JSON.stringify(shown[key]) !== JSON.stringify(image[key]),
  );
  const properties = Object.entries(shown.properties);
  if (differs || properties.some(([name, value]) => image.properties[name] !== value)) return 'older';
  // Others may be hidden from the caller, or were removed by the change.
  return when(Object.keys(image.properties).length === properties.length, 'unclear');
}
