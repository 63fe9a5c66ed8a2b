import { setTimeout as sleep } from 'node:timers/promises';
import type { Plugin, PluginKind, PluginKinds } from '../contract.js';
import { reasonOf } from '../fault.js';
import { loadPlugin } from '../load.js';

/** Milliseconds within which an answer has to come. */
const TIME_LIMIT_MS = 10_000;

/** A plugin does not conform to its contract. The message has one line for each problem. */
export class ConformanceError extends Error {
  readonly code = 'not-conforming';

  constructor(readonly problems: readonly string[]) {
    super(`the plugin does not conform to its contract:\n${problems.map((line) => `- ${line}`).join('\n')}`);
    this.name = 'ConformanceError';
  }
}

/** Collects what is wrong, so that an author sees all of it at once. */
export class Findings {
  readonly #problems = new Set<string>();

  /** Notes a problem where something does not hold. */
  expect(holds: boolean, problem: string): void {
    if (!holds) this.#problems.add(problem);
  }

  /** Notes whatever is thrown, and answers undefined then. */
  async try<T>(what: string, attempt: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await attempt();
    } catch (error) {
      this.#problems.add(`${what}: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** Does so for an answer that has to come in time. */
  attempt<T>(what: string, attempt: () => Promise<T>): Promise<T | undefined> {
    return this.try(what, async () => {
      const over = new AbortController();
      const late = sleep(TIME_LIMIT_MS, undefined, { signal: over.signal }).then(() => {
        throw new Error(`it did not answer within ${TIME_LIMIT_MS / 1000} s`);
      });
      try {
        return await Promise.race([attempt(), late]);
      } finally {
        late.catch(() => undefined);
        over.abort();
      }
    });
  }

  /** @throws {ConformanceError} something was wrong */
  report(): void {
    if (this.#problems.size > 0) throw new ConformanceError([...this.#problems]);
  }
}

/** Loads a plugin as a service does that finds it as the default export of a module. */
export async function loaded<K extends PluginKind>(
  kind: K,
  plugin: Plugin<K>,
  options: Readonly<Record<string, unknown>>,
): Promise<PluginKinds[K]> {
  try {
    return await loadPlugin(kind, { use: 'under test', options }, {}, () =>
      Promise.resolve({ default: plugin }),
    );
  } catch (error) {
    throw new ConformanceError([
      reasonOf(error).replace(/^PluginError: plugin under test: /, 'it does not load: '),
    ]);
  }
}
