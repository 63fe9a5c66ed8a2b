import { SourceUnavailable } from '@glimpse/domain';
import { Agent, request } from 'undici';
import { BoundedJson, TextTooLong, type JsonBounds } from './bounded-json.js';
import type { GlanceOptions } from './options.js';

/** Bytes of the longest answer that is read: a page of images with few properties stays far below. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** Bytes of the longest string that is kept where the rest of an answer is wanted whatever its length. */
const MAX_STRING_BYTES = 1_024;
/** What comes of a connection that the other side closed meanwhile. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

export interface Question {
  readonly method: 'GET' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Gives up on the answer. */
  readonly signal?: AbortSignal | undefined;
  /** Empties long strings, so that an answer that is too long can be read in part. */
  readonly withoutLongStrings?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  /** Undefined where the body is no JSON. What is nested too deeply in it is null. */
  readonly document: unknown;
  /** When the question was sent, by the clock of the server, or earlier; undefined where it does not show its clock. */
  readonly sentAt: Date | undefined;
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
  });
  return async ({ url, signal, withoutLongStrings, ...question }) => {
    const bounds = {
      maxBytes: MAX_ANSWER_BYTES,
      ...(withoutLongStrings && { maxStringBytes: MAX_STRING_BYTES }),
    };
    const late = AbortSignal.timeout(timeout * 1000);
    const end = signal ? AbortSignal.any([signal, late]) : late;
    for (let again = question.method === 'GET'; ; again = false) {
      const began = performance.now();
      try {
        const { statusCode, headers, body } = await request(url, { ...question, dispatcher, signal: end });
        const sentAt = timeBefore(headers.date, performance.now() - began);
        return { status: statusCode, document: await read(body, bounds), sentAt };
      } catch (error) {
        const { code = '', message } = error as NodeJS.ErrnoException;
        if (again && BROKEN.has(code) && !end.aborted) continue;
        const options = { cause: error };
        if (late.aborted) throw new SourceUnavailable(`it does not answer within ${timeout} s`, options);
        if (signal?.aborted) throw new SourceUnavailable('its answer is no longer wanted', options);
        if (error instanceof TextTooLong) {
          throw new AnswerTooLong(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`, options);
        }
        throw new SourceUnavailable(code || message, options);
      }
    }
  };
}

async function read(body: AsyncIterable<Buffer>, bounds: JsonBounds): Promise<unknown> {
  const json = new BoundedJson(bounds);
  for await (const chunk of body) json.add(chunk);
  try {
    return json.parse();
  } catch {
    return undefined;
  }
}

/** A `Date` header is cut to whole seconds, so that the time is never later than the right one. */
function timeBefore(date: string | string[] | undefined, milliseconds: number): Date | undefined {
  const time = Date.parse(String(date)) - milliseconds;
  return Number.isNaN(time) ? undefined : new Date(time);
}
