import type { KeystoneObservations } from '@glimpse/auth';
import type { MirrorObservations } from '@glimpse/mirror';
import type { LogLevel } from '../settings/log.js';
import type { COUNTED } from './mirror-metrics.js';

/** Everything that is logged or counted, with what is known of each. Never a token. */
export interface Observations extends KeystoneObservations, MirrorObservations {
  /** The service accepts requests. */
  listening: { url: string; mode: string; api: string };
  /** The database holds a catalogue that this build can serve. */
  'schema-seen': object;
  /** The database lacks migrations of this build. */
  'schema-behind': { missing: readonly string[] };
  /** The database is unavailable; reported once, until it is available again. */
  'database-unavailable': { error: unknown };
  'database-available': object;
  /** The database tells which images are touched, and copies of them count as fresh. */
  'notices-heard': object;
  /** It does not; said once, until it does again. */
  'notices-lost': { error: unknown };
  /** A policy rule that this service does not enforce has a check that never holds. */
  'policy-rule-unsound': { rule: string; source: string | null; problem: string };
  /** A request was answered. */
  'request-served': {
    api: string;
    requestId: string;
    /** The id that the request has in all services that it passes, where the sender said so. */
    globalRequestId?: string | undefined;
    /** Whose token it had, where somebody looked and it was good. */
    userId?: string | undefined;
    projectId?: string | undefined;
    method: string;
    /** The decoded path. */
    path: string;
    /** The route's pattern; `none` where no route matched. */
    route: string;
    status: number;
    /** Seconds. */
    duration: number;
  };
  /** So many requests were answered with a status of 400 or more, and had no line. */
  'request-lines-omitted': { count: number };
  /** A request met a mistake of ours. */
  'request-failed': { requestId: string; error: unknown };
  /** A plugin did not do what its contract says; counted each time, logged once a minute. */
  'plugin-failed': { plugin: string; reason: string };
  /** Development tokens are served beyond this machine. */
  'development-tokens-exposed': { host: string };
  stopping: { reason: string };
  stopped: object;
}

export type ObservationName = keyof Observations;

/** How loud each is that is not only counted, and how its line reads. */
export const LINES: Readonly<
  Record<
    Exclude<ObservationName, 'token-judged' | keyof typeof COUNTED>,
    { level: LogLevel; message: string }
  >
> = {
  listening: { level: 'info', message: 'listening' },
  'schema-seen': { level: 'info', message: 'the catalogue is there' },
  'schema-behind': { level: 'warn', message: 'the database lacks migrations: run glimpse migrate' },
  'database-unavailable': { level: 'error', message: 'the database is unavailable' },
  'database-available': { level: 'info', message: 'the database can be asked again' },
  'notices-heard': { level: 'info', message: 'change notifications are received' },
  'notices-lost': {
    level: 'warn',
    message: 'change notifications are not received: every read queries the database',
  },
  'policy-rule-unsound': {
    level: 'warn',
    message: 'a policy rule has a check that never holds; nothing here enforces the rule',
  },
  'request-served': { level: 'info', message: 'request' },
  'request-lines-omitted': { level: 'info', message: 'more requests were refused than have lines' },
  'request-failed': { level: 'error', message: 'a request met an unexpected error' },
  'plugin-failed': { level: 'error', message: 'a plugin did not do what its contract says' },
  'development-tokens-exposed': {
    level: 'warn',
    message: 'development tokens are accepted from other machines: never do this with real images',
  },
  'keystone-unavailable': { level: 'error', message: 'keystone cannot be asked about tokens' },
  'keystone-role-missing': {
    level: 'warn',
    message: "the service's user may lack the role that Keystone requires to validate tokens",
  },
  'keystone-available': { level: 'info', message: 'keystone can be asked about tokens again' },
  'follower-began': { level: 'info', message: 'this process follows the source' },
  'follower-stands-by': { level: 'info', message: 'somebody else follows the source: standing by' },
  'source-change-failed': { level: 'error', message: 'a change could not be made at the source' },
  'source-walked': { level: 'info', message: 'walked over all images of the source' },
  'source-unavailable': { level: 'error', message: 'the source cannot be followed' },
  'source-available': { level: 'info', message: 'the source can be followed again' },
  'removals-many': {
    level: 'warn',
    message: 'many images are missing at the source: each is removed that it confirms as gone',
  },
  'removals-refused': {
    level: 'error',
    message:
      'the source does not confirm that missing images are gone, and they are kept: see glimpse follow --accept-removals',
  },
  'source-image-bad': { level: 'error', message: 'an image of the source was left out' },
  'follower-failed': {
    level: 'error',
    message: 'following the source met an unexpected error, and begins again',
  },
  stopping: { level: 'info', message: 'stopping' },
  stopped: { level: 'info', message: 'stopped' },
};

/** Seconds after which an answer is slow enough for a line. */
export const SLOW = 1;

/** Seconds between two lines about the faults of one plugin. */
export const FAULT_LINES = 60;

/** Lines about requests with a status of 400 or more, of which a client can cause any number. */
export const REFUSED_LINES_PER_S = 100;
