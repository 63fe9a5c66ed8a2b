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
import type { Answer } from './connection.js';

/** How much of what Glance says is told, in characters. */
const TOLD = 300;
/** How much of it is looked at: removing markup takes time with the square of its length. */
const MAX_MESSAGE_LENGTH = 4_096;

/** What Glance says in an answer, on one line without markup; empty where it says nothing. */
export function wordsOf({ document }: Answer): string {
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
export function unexpected(answer: Answer): SourceUnavailable {
  if (answer.status === 401) return new SourceUnavailable("it answers 401 to this service's own token");
  const words = wordsOf(answer);
  return new SourceUnavailable(`it answers ${answer.status}${words && `: ${words}`}`);
}

/** Why Glance did not do what somebody wanted of an image. */
export function refusalOf(answer: Answer, id: string, action: 'change' | 'delete'): DomainError {
  const words = wordsOf(answer);
  switch (answer.status) {
    case 400:
      return new ChangeRefused(words || 'the image service refuses the change');
    case 401:
      return new SourceUnavailable(
        "it answers 401 to a user's token with this service's own as X-Service-Token: it needs " +
          "service_type = image, and a role of this service's user in service_token_roles",
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
