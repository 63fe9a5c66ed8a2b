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

/** Characters of Glance's message in an error. */
const MAX_SHOWN_LENGTH = 300;
/** Characters that are read: the time to remove markup grows with the square of the length. */
const MAX_MESSAGE_LENGTH = 4_096;

/** Glance's message in a response, on one line without markup; empty where there is none. */
export function messageOf({ document }: HttpResponse): string {
  const message = (document as { message?: unknown } | null | undefined)?.message;
  if (typeof message !== 'string') return '';
  const text = message
    .slice(0, MAX_MESSAGE_LENGTH)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return printable(text.slice(0, MAX_SHOWN_LENGTH));
}

/** A response that a healthy Glance that is configured for this service does not give. */
export function unexpected(answer: HttpResponse): SourceUnavailable {
  if (answer.status === 401) return new SourceUnavailable("it answers 401 to this service's own token");
  if (answer.status === 508) return new SourceUnavailable('its URL leads back to this service');
  const words = messageOf(answer);
  return new SourceUnavailable(`it answers ${answer.status}${words && `: ${words}`}`);
}

/** A change that Glance refused. */
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
  const words = messageOf(answer);
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
