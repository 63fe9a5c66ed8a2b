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
} from '@glimpse/domain';
import type { ImageSource } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';

/** What a source may answer about one image, by code: it may have its own copy of the domain. */
const ANSWERS: Readonly<Record<string, (id: string, error: Error) => DomainError>> = {
  'image-not-found': (id) => new ImageNotFound(id),
  'not-owner': (id, error) => new NotOwner(id, (error as NotOwner).action === 'delete' ? 'delete' : 'change'),
  'image-protected': (id) => new ImageProtected(id),
  'quota-exceeded': () => new QuotaExceeded(PROPERTY_QUOTA),
  'change-refused': (_id, error) => new ChangeRefused(error.message),
  'change-conflict': (id) => new ChangeConflict(id),
};

/**
 * A source whose faults are nobody's but its own: where it throws what its contract does not say, it could not be
 * asked.
 */
export function isolateImageSource(source: ImageSource, onFault: OnFault): ImageSource {
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
      const answer = Object.hasOwn(ANSWERS, String(code)) ? ANSWERS[String(code)] : undefined;
      if (answer) throw answer(id, error as Error);
      onFault(reasonOf(error, secret));
      throw new SourceUnavailable('it failed', { cause: error });
    }
  };
  return {
    get url() {
      return source.url;
    },
    blindness: (signal) => guarded(() => source.blindness(signal)),
    ...(source.distrust && { distrust: (signal) => guarded(async () => source.distrust!(signal)) }),
    ...(source.listAccess && { listAccess: (signal) => guarded(async () => source.listAccess!(signal)) }),
    page: (query, signal) => guarded(() => source.page(query, signal)),
    newestChange: (signal) => guarded(() => source.newestChange(signal)),
    image: (id, signal) => guarded(() => source.image(id, signal), id),
    members: (id, signal) => guarded(() => source.members(id, signal), id),
    changeProperties: (id, change, before, token, signal) =>
      guarded(() => source.changeProperties(id, change, before, token, signal), id, token),
    deleteImage: (id, token, signal) => guarded(() => source.deleteImage(id, token, signal), id, token),
  };
}
