import {
  ChangeConflict,
  ChangeRefused,
  DomainError,
  ImageNotFound,
  ImageProtected,
  NotOwner,
  PROPERTY_QUOTA,
  QuotaExceeded,
  SourceUnavailable,
  type Member,
  type MemberStatus,
  type SourceImage,
  type SourceMembers,
} from '@glimpse/domain';
import type { ImageSource, SourcePage } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';

/** What a source may throw about one image, by code: it may have its own copy of the domain. */
const REFUSALS: Readonly<Record<string, (id: string, error: Error) => DomainError>> = {
  'image-not-found': (id) => new ImageNotFound(id),
  'not-owner': (id, error) => new NotOwner(id, (error as NotOwner).action === 'delete' ? 'delete' : 'change'),
  'image-protected': (id) => new ImageProtected(id),
  'quota-exceeded': () => new QuotaExceeded(PROPERTY_QUOTA),
  'change-refused': (_id, error) => new ChangeRefused(error.message),
  'change-conflict': (id) => new ChangeConflict(id),
};

/** Members of sources that were written for release 0.1. */
type FormerSource = Partial<Record<'blindness' | 'distrust', ImageSource['missingReadAccess']>>;
interface FormerPage {
  readonly askedAt?: Date | undefined;
}

/** What a source of release 0.1 lacks of an image. */
const UNKNOWN_ATTRIBUTES = {
  diskFormat: null,
  containerFormat: null,
  checksum: null,
  hashAlgorithm: null,
  hashValue: null,
  virtualSize: null,
  tags: [],
  locations: null,
} as const;

type FormerAttributes = keyof typeof UNKNOWN_ATTRIBUTES | 'shownId';
type FormerImage = Omit<SourceImage, FormerAttributes> & Partial<Pick<SourceImage, FormerAttributes>>;

function withAllAttributes(image: FormerImage): SourceImage {
  return { ...UNKNOWN_ATTRIBUTES, ...image, shownId: image.shownId ?? image.id };
}

/** A source of release 0.1 has the status in place of a member. */
function withMemberTimes({ imageId, members }: SourceMembers): SourceMembers {
  const all = [...(members as ReadonlyMap<string, Member | MemberStatus>)].map(
    ([project, member]) =>
      [
        project,
        typeof member === 'string' ? { status: member, createdAt: null, updatedAt: null } : member,
      ] as const,
  );
  return { imageId, members: new Map(all) };
}

/**
 * Keeps a source's faults to itself: what its contract does not allow it to throw becomes `SourceUnavailable`. A source
 * that has the method names of release 0.1 gets the present ones, and attributes that it lacks are unknown.
 */
export function isolateImageSource(source: ImageSource & FormerSource, onFault: OnFault): ImageSource {
  const missingReadAccess = (source.missingReadAccess ?? source.blindness)?.bind(source);
  const missingWriteAccess = (source.missingWriteAccess ?? source.distrust)?.bind(source);
  const guarded = async <T>(call: () => Promise<T>, id = '', secret = ''): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof DomainError) throw error;
      const { code, reason, message } = (error ?? {}) as {
        code?: unknown;
        reason?: unknown;
        message?: unknown;
      };
      if (code === 'catalogue-unavailable') {
        throw new SourceUnavailable(String(reason ?? message), { cause: error });
      }
      const refusal = Object.hasOwn(REFUSALS, String(code)) ? REFUSALS[String(code)] : undefined;
      if (refusal) throw refusal(id, error as Error);
      onFault(reasonOf(error, secret));
      throw new SourceUnavailable('it failed', { cause: error });
    }
  };
  return {
    get url() {
      return source.url;
    },
    missingReadAccess: (signal) => guarded(() => missingReadAccess(signal)),
    ...(missingWriteAccess && {
      missingWriteAccess: (signal) => guarded(async () => missingWriteAccess(signal)),
    }),
    ...(source.listAccess && { listAccess: (signal) => guarded(async () => source.listAccess!(signal)) }),
    page: (query, signal) =>
      guarded(async () => {
        const page: SourcePage & FormerPage = await source.page(query, signal);
        const requestedAt = page.requestedAt ?? page.askedAt;
        return { ...page, images: page.images.map(withAllAttributes), requestedAt };
      }),
    newestChange: (signal) => guarded(() => source.newestChange(signal)),
    image: (id, signal) =>
      guarded(async () => {
        const image = await source.image(id, signal);
        return image && withAllAttributes(image);
      }, id),
    members: (id, signal) =>
      guarded(async () => {
        const members = await source.members(id, signal);
        return members && withMemberTimes(members);
      }, id),
    ...(source.document && {
      document: (name, signal) => guarded(async () => source.document!(name, signal)),
    }),
    changeProperties: (id, change, before, token, signal) =>
      guarded(() => source.changeProperties(id, change, before, token, signal), id, token),
    deleteImage: (id, token, signal) => guarded(() => source.deleteImage(id, token, signal), id, token),
  };
}
