import { setTimeout as sleep } from 'node:timers/promises';
import type { DependencyName, Telemetry } from '../telemetry/telemetry.js';

/** Milliseconds until a dependency that was unavailable is checked again. */
const RECHECK_MS = 1_000;
/** Milliseconds between the checks of one that was available: failed requests reveal an outage sooner. */
const IDLE_CHECK_MS = 60_000;
/** Milliseconds for which `/healthz` reuses the result of a check. */
const FRESH_FOR_MS = 5_000;

/** A check of a dependency, which reports its result to the telemetry. */
export type DependencyCheck = (signal: AbortSignal) => Promise<unknown>;

/**
 * Checks a dependency at start, so that wrong settings are reported before the first request, and while it is
 * unavailable, so that a replica without requests detects its recovery.
 */
export class DependencyProbe {
  #checkedAt = -Infinity;
  #running: Promise<unknown> | undefined;

  constructor(
    readonly name: DependencyName,
    private readonly check: DependencyCheck,
    private readonly telemetry: Telemetry,
  ) {
    telemetry.exposeDependency(name);
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = this.#available ? this.#checkedAt + IDLE_CHECK_MS : -Infinity;
      if (performance.now() >= due) await this.#run(signal);
      await sleep(RECHECK_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** Whether it is available, by a check within the last seconds, which concurrent requests share. */
  async isAvailable(signal: AbortSignal): Promise<boolean> {
    if (performance.now() >= this.#checkedAt + FRESH_FOR_MS) await this.#run(signal);
    return this.#available;
  }

  get #available(): boolean {
    return this.telemetry.isAvailable(this.name);
  }

  #run(signal: AbortSignal): Promise<unknown> {
    this.#running ??= this.check(signal).finally(() => {
      this.#running = undefined;
      this.#checkedAt = performance.now();
    });
    return this.#running;
  }
}
