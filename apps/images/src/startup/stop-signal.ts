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

/** How long closing connections to PostgreSQL may take. A PostgreSQL that hangs never confirms their end. */
export const CLOSE_DEADLINE_MS = 3_000;

/** Waits for something, up to a deadline. */
export async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const deadline = sleep(milliseconds, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, deadline]).finally(() => over.abort());
}

let endsAtOnce = false;

/**
 * Whether the command has completed and its process may exit: connections to a PostgreSQL that hangs would keep it
 * running.
 */
export const mayExit = (): boolean => endsAtOnce;

/** Runs a service until SIGTERM, SIGINT or SIGHUP. */
export async function untilStopped(run: (stop: AbortSignal) => Promise<void>): Promise<void> {
  // A closed standard output must not end the process; the log handles errors of standard error.
  process.stdout.on('error', () => undefined);
  try {
    await run(stopSignal());
  } finally {
    endsAtOnce = true;
  }
}
