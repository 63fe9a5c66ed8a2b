import { setTimeout as sleep } from 'node:timers/promises';
import { SourceUnavailable } from '@glimpse/domain';
import type { ListAccess } from '@glimpse/plugins';
import { unexpected } from './refusals.js';
import { hasRole, type Request, type Session } from './session.js';

/** A call that is none of Glance's: with this rule alone, Glance accepts a token from services only. */
const OTHER_CALL = { service: 'compute', method: 'GET', path: '/v2.1/images' };
/** The longest that the end of a token is waited for. */
const LONGEST_WAIT_MS = 10_000;
/** How far Glance's clock may be behind Keystone's. */
const CLOCK_SKEW_MS = 1_000;

const NO_SERVICE_USER =
  'there is no service user, so a token with access rules is accepted there only if its rules name the image ' +
  'service, too';

/**
 * Tests whether Glance accepts callers' tokens with the service user's beside them.
 *
 * @returns why it would not, or why that user may not be used; undefined when all is well
 * @throws {SourceUnavailable} it cannot be tested
 */
export async function missingTokenSupport(
  session: Session,
  serviceRoles: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { serviceUser } = session;
  if (!serviceUser) throw new SourceUnavailable(NO_SERVICE_USER);
  const { roles } = await serviceUser.confirmed();
  const others = roles.filter((role) => !hasRole(serviceRoles, role));
  if (others.length > 0) {
    return (
      `the service user has the role ${others.join(', ')} besides ${serviceRoles.join(', ')}, and a caller would ` +
      'have it at Glance with its token'
    );
  }
  const refuses = async (token: string): Promise<boolean> => {
    const answer = await session.sendBeside(token, listOf(signal));
    return answer.status === 401 || (isPolicyAnswer(answer.status) ? false : unexpectedly(answer));
  };
  return serviceUser.restricted({ accessRules: [OTHER_CALL] }, async ({ token, endsIn }) => {
    if (await refuses(token)) {
      return "it refuses tokens with access rules even beside the service user's: it needs service_type = image";
    }
    if (endsIn > LONGEST_WAIT_MS) {
      throw new SourceUnavailable('tokens of this Keystone outlive their application credentials');
    }
    await sleep(endsIn + CLOCK_SKEW_MS, undefined, { signal }).catch(() => undefined);
    return (await refuses(token))
      ? "it refuses tokens that have just expired even beside the service user's: it needs the role of that " +
          'user in service_token_roles'
      : undefined;
  });
}

/**
 * Tests whether Glance lists images to a token that has no more than a service role: the service user's, or else
 * one of the reader that has only that of its roles.
 *
 * @throws {SourceUnavailable} it cannot be tested
 */
export async function listAccess(
  session: Session,
  serviceRoles: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ListAccess> {
  const lists = async (token: string, roles: readonly string[]): Promise<ListAccess> => {
    const answer = await session.sendAlone(token, listOf(signal));
    return isPolicyAnswer(answer.status) ? { roles, allowed: answer.status === 200 } : unexpectedly(answer);
  };
  if (session.serviceUser) {
    const { token, roles } = await session.serviceUser.confirmed();
    return lists(token, roles);
  }
  const roles = (await session.roles()).filter((role) => hasRole(serviceRoles, role));
  return session.reader.restricted({ roles }, ({ token }) => lists(token, roles));
}

function listOf(signal: AbortSignal | undefined): Request {
  return { method: 'GET', path: '/images?limit=1', signal };
}

/** Whether Glance accepted the token, and its policy decided. */
function isPolicyAnswer(status: number): boolean {
  return status === 200 || status === 403;
}

function unexpectedly(answer: Parameters<typeof unexpected>[0]): never {
  throw unexpected(answer);
}
