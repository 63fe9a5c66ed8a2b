import {
  ChangeConflict,
  ChangeRefused,
  ImageNotFound,
  ImageProtected,
  NotOwner,
  PROPERTY_QUOTA,
  QuotaExceeded,
  SourceUnavailable,
  printable,
  type DomainError,
} from '@glimpse/domain';
import type { HttpResponse } from '@glimpse/http-client';

/** How much of what Glance says is told, in characters. */
const TOLD = 300;
/** How much of it is looked at: removing markup takes time with the square of its length. */
const MAX_MESSAGE_LENGTH = 4_096;

/** What Glance says in an answer, on one line without markup; empty where it says nothing. */
export function wordsOf({ document }: HttpResponse): string {
  const message = (document as { message?: unknown } | null | undefined)?.message;
  if (typeof message !== 'string') return '';
  const text = message
    .slice(0, MAX_MESSAGE_LENGTH)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return printable(text.slice(0, TOLD));
}

/** An answer that no Glance gives that is well and set up for this service. */
export function unexpected(answer: HttpResponse): SourceUnavailable {
  if (answer.status === 401) return new SourceUnavailable("it answers 401 to this service's own token");
  const words = wordsOf(answer);
  return new SourceUnavailable(`it answers ${answer.status}${words && `: ${words}`}`);
}

/** What Glance refused. */
interface RefusedChange {
  readonly action: 'change' | 'delete';
  /** Whether the service user's token was sent beside the caller's, too. */
  readonly besideServiceUser: boolean;
}

/** Why Glance refused a change of an image. */
export function refusalOf(
  answer: HttpResponse,
  id: string,
  { action, besideServiceUser }: RefusedChange,
): DomainError {
  const words = wordsOf(answer);
  switch (answer.status) {
    case 400:
      return new ChangeRefused(words || 'the image service refuses the change');
    case 401:
      return new SourceUnavailable(
        besideServiceUser
          ? "it answers 401 to a caller's token even with the service user's as X-Service-Token: it needs " +
              'service_type = image, and the role of that user in service_token_roles'
          : "it answers 401 to a caller's token: one with access rules needs a service user",
      );
    case 403:
      return action === 'delete' && / protected /.test(words)
        ? new ImageProtected(id)
        : new NotOwner(id, action);
    case 404:
      return new ImageNotFound(id);
    case 409:
      return new ChangeConflict(id);
    case 413:
      return new QuotaExceeded(Number(/Maximum: (\d+)/.exec(words)?.[1] ?? PROPERTY_QUOTA));
    default:
      return unexpected(answer);
  }
}
