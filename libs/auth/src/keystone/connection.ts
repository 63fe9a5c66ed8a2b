import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { NoAnswer } from './cannot-ask.js';

/** Bytes of the longest answer that is read: catalogs of large clouds stay far below. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
/** Milliseconds before each further try, at most; at least half of them. */
const PAUSES = [100, 300];

export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined where the body is no JSON. */
  readonly document: unknown;
}

/** Asks Keystone over HTTP. */
export type Ask = (question: Question) => Promise<Answer>;

/**
 * Opens nothing yet; idle connections do not keep a process alive.
 *
 * @param connectTimeout seconds
 * @param ca PEM text
 */
export function connectionTo({
  connectTimeout,
  ca,
}: {
  readonly connectTimeout: number;
  readonly ca?: string;
}): Ask {
  const dispatcher = new Agent({
    connect: { timeout: connectTimeout * 1000, ...(ca !== undefined && { ca }) },
    maxResponseSize: LONGEST_ANSWER,
  });
  return async ({ method, url, headers, body, signal }) => {
    let status: number;
    let received: IncomingHttpHeaders;
    let text: string;
    try {
      const answer = await request(url, {
        dispatcher,
        method,
        headers: {
          accept: 'application/json',
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body && JSON.stringify(body),
        signal,
      });
      status = answer.statusCode;
      received = answer.headers;
      text = await answer.body.text();
    } catch (error) {
      throw noAnswer(error as NodeJS.ErrnoException, signal);
    }
    return { status, headers: received, document: parsed(text) };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How long Keystone, or what stands in front of it, asks to be left alone, in seconds. */
export function retryAfterOf(headers: Answer['headers']): number | undefined {
  const seconds = headers['retry-after'];
  return typeof seconds === 'string' && /^[1-9]\d{0,3}$/.test(seconds) ? Number(seconds) : undefined;
}

/** What may be better a moment later, the connection having broken. */
const PASSING = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** What came of a connection that was there, so that it may be the question's doing. */
const OF_THE_QUESTION = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_EXCEEDED_MAX_SIZE']);

function noAnswer(error: NodeJS.ErrnoException, signal: AbortSignal): NoAnswer {
  const options = { cause: error };
  if (signal.aborted) return new NoAnswer('it does not answer in time', 'perhaps', options);
  const { code = '', message } = error;
  return new NoAnswer(code || message, OF_THE_QUESTION.has(code) ? 'perhaps' : 'certainly', options);
}

function isPassing(answer: Answer | Error): boolean {
  if (!(answer instanceof Error)) return answer.status >= 500 && retryAfterOf(answer.headers) === undefined;
  return PASSING.has((answer.cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/**
 * Asks again where that may help: the connection broke, or Keystone said that something is wrong with it and
 * did not ask to be left alone.
 *
 * @throws {NoAnswer} the last time as well
 */
export function persistently(ask: Ask): Ask {
  const attempt = async (question: Question, [pause, ...further]: readonly number[]): Promise<Answer> => {
    const answer = await ask(question).catch((error: unknown) => error as Error);
    if (pause !== undefined && isPassing(answer)) {
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: question.signal }).catch(
        () => undefined,
      );
      if (!question.signal.aborted) return attempt(question, further);
    }
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return (question) => attempt(question, PAUSES);
}
