import { setTimeout as sleep } from 'node:timers/promises';

/** Signals within this time are one request to stop: Ctrl-C reaches a process from its terminal and from npm. */
const REPEAT_MS = 1_000;

/**
 * Aborted by the first signal to stop; a later SIGINT or SIGTERM ends the process at once. SIGHUP does not: it also
 * reports that the parent process has ended, as npm does after Ctrl-C.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!controller.signal.aborted) {
        firstAt = performance.now();
        controller.abort(signal);
      } else if (signal !== 'SIGHUP' && performance.now() - firstAt > REPEAT_MS) {
        process.exit(1);
      }
    });
  }
  return controller.signal;
}

/** Waits until a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** How long connections to PostgreSQL have to end. One that hangs never confirms their end. */
export const CLOSE_DEADLINE_MS = 3_000;

/** Waits for something, at most so long. */
export async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const deadline = sleep(milliseconds, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, deadline]).finally(() => over.abort());
}

let endsAtOnce = false;

/**
 * Whether the command ran until it was stopped, and all that it had to do is done. Connections to a PostgreSQL that
 * hangs would keep the process.
 */
export const mayExit = (): boolean => endsAtOnce;

/** Runs a service until SIGTERM, SIGINT or SIGHUP. */
export async function untilStopped(run: (stop: AbortSignal) => Promise<void>): Promise<void> {
  // A closed standard output is no reason to end; standard error has the log, which sees to that itself.
  process.stdout.on('error', () => undefined);
  try {
    await run(stopSignal());
  } finally {
    endsAtOnce = true;
  }
}
