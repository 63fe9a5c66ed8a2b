import type { KeystoneObservations } from '@glimpse/auth';
import type { MirrorObservations } from '@glimpse/mirror';
import type { LogLevel } from '../settings/log.js';
import type { COUNTED } from './mirror-metrics.js';

/** Everything that is logged or counted, with its fields. Never a token. */
export interface Observations extends KeystoneObservations, MirrorObservations {
  /** The service accepts requests. */
  listening: { url: string; mode: string; api: string };
  /** The database holds a catalogue that this build can serve. */
  'schema-seen': object;
  /** The database lacks migrations of this build. */
  'schema-behind': { missing: readonly string[] };
  /** The checks at the start found what `glimpse doctor` reports. */
  'check-finding': { state: 'warning' | 'failed'; subject: string; text: string };
  /** The checks at the start have ended, with so many findings. */
  'checks-ended': { findings: number };
  /** The database is unavailable; observed once an outage. */
  'database-unavailable': { error: unknown };
  'database-available': object;
  /** Change notifications are received, and cached images count as fresh. */
  'notifications-received': object;
  /** Change notifications are no longer received; observed once an outage. */
  'notifications-lost': { error: unknown };
  /** A policy rule that this service does not enforce has a check that never holds. */
  'policy-rule-unsound': { rule: string; source: string | null; problem: string };
  /** A response was sent. */
  'request-served': {
    api: string;
    requestId: string;
    /** The id of the request in all services that it passes, if the sender gave one. */
    globalRequestId?: string | undefined;
    /** The id of the request at the source, if it was passed on. */
    sourceRequestId?: string | undefined;
    /** The user of a valid token, where it was validated. */
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
  /** The number of responses with a status of 400 or more that were not logged. */
  'request-lines-omitted': { count: number };
  /** A request that is passed on to the source has ended. */
  'request-passed': {
    outcome: 'done' | 'failed' | 'unavailable' | 'refused' | 'aborted' | 'broken';
  };
  /** The source did not complete a request that was passed on. */
  'pass-through-failed': {
    requestId: string;
    sourceRequestId?: string | undefined;
    method: string;
    path: string;
    reason: string;
  };
  /** An upload or a download has ended. */
  'data-transferred': {
    direction: 'upload' | 'download';
    image: string;
    bytes: number;
    seconds: number;
    outcome: string;
  };
  /**
   * A store of image data is unavailable, or not that of this catalogue; observed once an outage.
   * `store`: its name, where there are several.
   */
  'store-unavailable': { reason: string; store?: string | undefined };
  'store-available': { store?: string | undefined };
  /** Image data could not be copied to a store. */
  'copy-failed': { image: string; store: string; reason: string };
  /** Bytes of deleted images could not be deleted; counted each time, logged once a minute. */
  'sweep-failed': { reason: string };
  /** A request failed with an unexpected error: a defect of this service. */
  'request-failed': { requestId: string; error: unknown };
  /** A plugin violated its contract; counted each time, logged once a minute. */
  'plugin-failed': { plugin: string; reason: string };
  /** Development tokens are served beyond this machine. */
  'development-tokens-exposed': { host: string };
  stopping: { reason: string };
  stopped: object;
}

export type ObservationName = keyof Observations;

/** The level and the message of each observation that is logged. */
export const LINES: Readonly<
  Record<
    Exclude<ObservationName, 'token-validated' | keyof typeof COUNTED>,
    { level: LogLevel; message: string }
  >
> = {
  listening: { level: 'info', message: 'listening' },
  'schema-seen': { level: 'info', message: 'the database schema is up to date' },
  'schema-behind': { level: 'warn', message: 'the database lacks migrations: run glimpse migrate' },
  'check-finding': { level: 'warn', message: 'a check of what the service depends on found a problem' },
  'checks-ended': { level: 'info', message: 'what the service depends on was checked' },
  'database-unavailable': { level: 'error', message: 'the database is unavailable' },
  'database-available': { level: 'info', message: 'the database is available again' },
  'notifications-received': { level: 'info', message: 'change notifications are received' },
  'notifications-lost': {
    level: 'warn',
    message: 'change notifications are not received: every read queries the database',
  },
  'policy-rule-unsound': {
    level: 'warn',
    message: 'a policy rule has a check that never holds; nothing here enforces the rule',
  },
  'request-served': { level: 'info', message: 'request' },
  'request-lines-omitted': { level: 'info', message: 'log lines of refused requests were omitted' },
  'pass-through-failed': {
    level: 'warn',
    message: 'the source did not complete a request that was passed on',
  },
  'data-transferred': { level: 'info', message: 'image data was transferred' },
  'store-unavailable': { level: 'error', message: 'the store of image data is unavailable' },
  'store-available': { level: 'info', message: 'the store of image data is available again' },
  'copy-failed': { level: 'error', message: 'image data could not be copied to a store' },
  'sweep-failed': { level: 'error', message: 'image data could not be deleted, which is retried' },
  'request-failed': { level: 'error', message: 'a request failed with an unexpected error' },
  'plugin-failed': { level: 'error', message: 'a plugin violated its contract' },
  'development-tokens-exposed': {
    level: 'warn',
    message: 'development tokens are accepted from other machines: never do this with real images',
  },
  'keystone-unavailable': { level: 'error', message: 'keystone is unavailable: tokens cannot be validated' },
  'keystone-role-missing': {
    level: 'warn',
    message: "the service's user may lack the role that Keystone requires to validate tokens",
  },
  'keystone-available': { level: 'info', message: 'keystone is available again' },
  'follower-began': { level: 'info', message: 'this process follows the source' },
  'follower-stands-by': { level: 'info', message: 'another process follows the source: standing by' },
  'source-change-failed': { level: 'error', message: 'a change could not be made at the source' },
  'full-sync-ended': { level: 'info', message: 'a full sync with the source has ended' },
  'source-unavailable': { level: 'error', message: 'the source is unavailable' },
  'source-available': { level: 'info', message: 'the source is available again' },
  'removals-many': {
    level: 'warn',
    message: 'many images are missing at the source: those that it confirms as gone are removed',
  },
  'removals-refused': {
    level: 'error',
    message:
      'the source does not confirm that missing images are gone, so they are not removed: see glimpse follow --accept-removals',
  },
  'source-image-bad': { level: 'error', message: 'an image of the source was left out' },
  'source-document-unread': {
    level: 'warn',
    message: 'a document in which the source describes its API cannot be read: the last one is served',
  },
  'follower-failed': {
    level: 'error',
    message: 'following the source failed with an unexpected error and is retried',
  },
  stopping: { level: 'info', message: 'stopping' },
  stopped: { level: 'info', message: 'stopped' },
};

/** The duration from which a request counts as slow and is logged. */
export const SLOW_S = 1;

/** The time between two lines about the same fault. */
export const FAULT_LINE_INTERVAL_S = 60;

/** The most lines a second about responses with a status of 400 or more, of which a client can cause any number. */
export const REFUSED_LINES_PER_S = 100;

/** The most lines a second about uploads and downloads: one client can download many ranges. */
export const TRANSFER_LINES_PER_S = 100;
