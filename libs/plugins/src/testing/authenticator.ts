import { isDeepStrictEqual } from 'node:util';
import { authenticationOf } from '../authenticator.js';
import type { Authentication, AuthenticationRequest, Authenticator, Plugin } from '../contract.js';
import { Findings, loaded } from './conformance.js';

/** Milliseconds within which each answer has to come. A service waits longer; a test should not. */
const TIME_LIMIT_MS = 2_000;

/** What an authenticator is tried with. */
export interface AuthenticatorTrial {
  /** As configuration gives them. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** A token that it knows. */
  readonly token: string;
}

/** What a client may send where a token is expected. */
const MADE_UP: Readonly<Record<string, string>> = {
  'a made-up token': 'made-up-token',
  'a key that every object has': '__proto__',
  'another key that every object has': 'constructor',
  'a token of 8 KB': 'x'.repeat(8190),
  'a token with characters beyond ASCII': 'tökén',
  'a token of blanks': '   ',
  'an empty token': '',
  'a path for a token': '../../etc/passwd',
};

/**
 * Checks an authenticator against its contract: it loads, always has the same result for the known token, and `invalid`
 * for any other, whatever a client sends, in time and without throwing.
 * Call it from a test of any runner.
 *
 * @param plugin the default export of its module
 * @throws {ConformanceError} with everything that is wrong
 *
 * @example
 * test('conforms', () => checkAuthenticator(plugin, { options: { file: 'tokens.json' }, token: 'secret' }));
 */
export async function checkAuthenticator(
  plugin: Plugin<'authenticator'>,
  { options = {}, token }: AuthenticatorTrial,
): Promise<void> {
  const authenticator = await loaded('authenticator', plugin, options);
  const findings = new Findings();
  const visible = /^[\x20-\x7e]+$/.test(authenticator.challenge);
  findings.expect(visible, 'challenge must be visible ASCII: it is the value of WWW-Authenticate');
  await checkKnown(authenticator, token, findings);
  const others = Object.entries({ ...MADE_UP, 'the known token and one character more': `${token}x` });
  await Promise.all(others.map(([what, other]) => checkRefused(authenticator, what, other, findings)));
  findings.report();
}

async function checkKnown(authenticator: Authenticator, token: string, findings: Findings): Promise<void> {
  const attempt = (what: string, request?: AuthenticationRequest): Promise<Authentication | undefined> =>
    findings.try(what, () => authenticationOf(authenticator, [token, request], TIME_LIMIT_MS));
  const first = await attempt('the known token');
  if (!first) return;
  findings.expect(
    first.outcome === 'identity',
    `the known token: it is ${first.outcome}, wanted is identity`,
  );
  if (first.outcome !== 'identity') return;
  const { expiresAt } = first.identity;
  findings.expect(
    !expiresAt || expiresAt > new Date(),
    'the known token: it is expired, and must be invalid',
  );
  const requests: Readonly<Record<string, AuthenticationRequest>> = {
    'the known token, with no-cache': { fresh: true },
    'the known token, allowed to be expired': { allowExpired: true },
  };
  for (const [what, request] of Object.entries(requests)) {
    const answer = await attempt(what, request);
    findings.expect(!answer || isDeepStrictEqual(answer, first), `${what}: the answer is another one`);
  }
  const many = await Promise.all(
    Array.from({ length: 100 }, () => attempt('the known token, a hundred times at once')),
  );
  const same = many.every((answer) => !answer || isDeepStrictEqual(answer, first));
  findings.expect(same, 'the known token, a hundred times at once: the answers differ');
}

async function checkRefused(
  authenticator: Authenticator,
  what: string,
  token: string,
  findings: Findings,
): Promise<void> {
  const answer = await findings.try(what, () => authenticationOf(authenticator, [token], TIME_LIMIT_MS));
  findings.expect(
    !answer || answer.outcome === 'invalid',
    `${what}: it is ${answer?.outcome}, wanted is invalid`,
  );
}
