import { SourceUnavailable } from '@glimpse/domain';
import { Agent, request } from 'undici';
import type { GlanceOptions } from './options.js';

/** Bytes of the longest answer that is read: a page of images with few properties stays far below. */
const LONGEST_ANSWER = 32 * 1024 * 1024;
const TOO_LONG = 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
/** What comes of a connection that the other side closed meanwhile. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

export interface Question {
  readonly method: 'GET' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Gives up on the answer. */
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  /** Undefined where the body is no JSON. */
  readonly document: unknown;
}

/**
 * Asks Glance over HTTP.
 *
 * @throws {SourceUnavailable} there is no whole answer in time
 */
export type Ask = (question: Question) => Promise<Answer>;

/** An answer is longer than what is read of one. */
export class AnswerTooLong extends SourceUnavailable {}

/** Opens nothing yet; idle connections do not keep a process alive. */
export function connectionTo({ connectTimeout, timeout, concurrency, ca }: GlanceOptions): Ask {
  const dispatcher = new Agent({
    connect: { timeout: connectTimeout * 1000, ...(ca !== undefined && { ca }) },
    connections: concurrency,
    maxResponseSize: LONGEST_ANSWER,
  });
  return async ({ url, signal, ...question }) => {
    const late = AbortSignal.timeout(timeout * 1000);
    const end = signal ? AbortSignal.any([signal, late]) : late;
    for (let again = question.method === 'GET'; ; again = false) {
      try {
        const { statusCode, body } = await request(url, { ...question, dispatcher, signal: end });
        return { status: statusCode, document: parsed(await body.text()) };
      } catch (error) {
        const { code = '', message } = error as NodeJS.ErrnoException;
        if (again && BROKEN.has(code) && !end.aborted) continue;
        const options = { cause: error };
        if (late.aborted) throw new SourceUnavailable(`it does not answer within ${timeout} s`, options);
        if (signal?.aborted) throw new SourceUnavailable('its answer is no longer wanted', options);
        if (code === TOO_LONG) {
          throw new AnswerTooLong(`its answer is longer than ${LONGEST_ANSWER} bytes`, options);
        }
        throw new SourceUnavailable(code || message, options);
      }
    }
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
