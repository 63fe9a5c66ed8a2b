import { setImmediate } from 'node:timers/promises';

let last: Promise<unknown> = Promise.resolve();

/**
 * Waits for an iteration of the event loop that nothing else gets from here: work in pieces, of however many requests,
 * delays all others by one piece.
 */
export function ownIteration(): Promise<unknown> {
  return (last = last.then(() => setImmediate()));
}
