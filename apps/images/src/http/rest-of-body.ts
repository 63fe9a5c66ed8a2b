import type { IncomingMessage } from 'node:http';

export interface RestLimits {
  /** Milliseconds without a byte after which the client is assumed to wait for the response, or to have it. */
  readonly silenceMs: number;
  /** Milliseconds for which the client may go on sending; unset: until the end of its body. */
  readonly limitMs?: number;
}

/** A body of any length: clients that are cut off in the middle of it may lose the response. */
export const WHOLE_BODY: RestLimits = { silenceMs: 30_000 };

/** Reads the rest of a body and drops it, until its end or the limits. */
export function dropRest(request: IncomingMessage, { silenceMs, limitMs }: RestLimits): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(silence);
      clearTimeout(limit);
      request.off('data', onData).off('end', finish).off('close', finish);
      resolve();
    };
    const silence = setTimeout(finish, silenceMs);
    const limit = limitMs === undefined ? undefined : setTimeout(finish, limitMs);
    const onData = (): void => void silence.refresh();
    request.on('data', onData).once('end', finish).once('close', finish).resume();
  });
}
