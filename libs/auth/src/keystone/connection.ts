import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { NoAnswer } from './cannot-ask.js';

/** Bytes of the longest answer that is read: catalogs of large clouds stay far below. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
/** Milliseconds before each further try, at most; at least half of them. */
const PAUSES = [100, 300];

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
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
    let status: number | undefined;
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
      const text = await answer.body.text();
      return { status, headers: answer.headers, document: status < 300 ? JSON.parse(text) : undefined };
    } catch (error) {
      throw noAnswer(error as NodeJS.ErrnoException, signal, status);
    }
  };
}

/** How long Keystone, or what stands in front of it, asks to be left alone, in seconds. */
export function retryAfterOf(headers: Answer['headers']): number | undefined {
  const seconds = headers['retry-after'];
  return typeof seconds === 'string' && /^[1-9]\d{0,3}$/.test(seconds) ? Number(seconds) : undefined;
}

function noAnswer(error: NodeJS.ErrnoException, signal: AbortSignal, status: number | undefined): NoAnswer {
  const options = { cause: error };
  if (signal.aborted) return new NoAnswer('it does not answer in time', false, options);
  // The reason would quote what it cannot read.
  if (error instanceof SyntaxError) return new NoAnswer(`its answer ${status} is not JSON`);
  return new NoAnswer(error.code ?? error.message, error.code !== 'UND_ERR_CONNECT_TIMEOUT', options);
}

/**
 * Asks again where that may help: the connection broke, or Keystone said that something is wrong with it.
 *
 * @throws {NoAnswer} the last time as well
 */
export function persistently(ask: Ask): Ask {
  const attempt = async (question: Question, [pause, ...further]: readonly number[]): Promise<Answer> => {
    const answer = await ask(question).catch((error: unknown) => error as Error);
    const helps =
      answer instanceof Error ? answer instanceof NoAnswer && answer.passing : answer.status >= 500;
    if (pause !== undefined && helps) {
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
