import { readFileSync } from 'node:fs';

/** A request to a real Nova, and its response. */
export interface Exchange {
  readonly name: string;
  readonly request: { method: string; path: string; headers: Record<string, string>; body?: string | null };
  readonly response: { status: number; headers: Record<string, string>; body: unknown };
}

export function readRecording<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../contract/compute/${file}`, import.meta.url), 'utf8')) as T;
}

/** In the order in which they were sent: later ones follow the changes of earlier ones. */
export const exchanges = readRecording<readonly Exchange[]>('exchanges.json');

/** Replaces names such as `{compute}` in the recording with a run's values. */
export function withValues<T>(value: T, values: Readonly<Record<string, string>>): T {
  const text = Object.entries(values).reduce(
    (all, [name, real]) => all.replaceAll(`{${name}}`, real),
    JSON.stringify(value),
  );
  return JSON.parse(text) as T;
}

/** The recording cut one body short: 129 items, one more than an image may have. */
const TOO_MANY = JSON.stringify({
  metadata: Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`q${index}`, 'v'])),
});

/**
 * Sends a recorded request.
 *
 * @param values by the names in its path
 * @param tokenOf the token of an identity of the recording; `garbage` is none
 */
export function send(
  { method, path, headers, body }: Exchange['request'],
  url: string,
  values: Readonly<Record<string, string>>,
  tokenOf: (identity: string) => string,
): Promise<Response> {
  const identity = /^\{(\w+)\}$/.exec(headers['x-auth-token'] ?? '')?.[1];
  return fetch(url + withValues(path, values), {
    method,
    body: body?.endsWith(`(${TOO_MANY.length} characters)`) ? TOO_MANY : body,
    headers: { ...headers, ...(identity && { 'x-auth-token': tokenOf(identity) }) },
  });
}

/** Removes the times of changes, which differ between a run and the recording. */
export function withoutTimes(body: unknown): unknown {
  const text = JSON.stringify(body, (key, value: unknown) => {
    const changed =
      key === 'updated' && value !== '2013-07-23T11:33:21Z' && !/^2026-11-24T02:2[68]/.test(String(value));
    return changed ? 'changed' : value;
  });
  return JSON.parse(text);
}
