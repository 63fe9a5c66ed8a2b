import { printable } from '@glimpse/domain';
import { pino, stdSerializers, stdTimeFunctions, type Logger } from 'pino';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { LogSettings } from '../settings/log.js';
import { VERSION } from '../settings/version.js';
import {
  FAULT_LINE_INTERVAL_S,
  LINES,
  REFUSED_LINES_PER_S,
  SLOW_S,
  TRANSFER_LINES_PER_S,
  type ObservationName,
  type Observations,
} from './observations.js';
import { withFormerNames } from './former-names.js';
import { LineBudget } from './line-budget.js';
import { LogDestination } from './log-destination.js';
import { MirrorCounters } from './mirror-metrics.js';
import { SharedCall } from './shared-call.js';
import { RateLimit } from './rate-limit.js';
import { RequestDurations } from './request-durations.js';
import { TokenCounts } from './token-counts.js';

/** The injection token of the telemetry. */
export const TELEMETRY = Symbol('Telemetry');

/** The pause between two collections of the metrics. */
const METRICS_REST_MS = 100;

/** A dependency that is probed besides the database; each of several stores is one. */
export type DependencyName = 'keystone' | 'source' | 'store' | `store:${string}`;

/** The name of a store as a dependency. @param name undefined where there is one store */
export const storeDependency = (name: string | undefined): DependencyName =>
  name === undefined ? 'store' : `store:${name}`;

/** The log, on standard error, and the metrics. */
export class Telemetry {
  readonly registry = new Registry();
  readonly mirror = new MirrorCounters(this.registry);
  readonly #destination: LogDestination;
  readonly #logger: Logger;
  readonly #requestDurations: RequestDurations;
  readonly #tokens: TokenCounts;
  readonly #pluginFaults: Counter;
  readonly #faultLines = new RateLimit(FAULT_LINE_INTERVAL_S);
  readonly #refusedLines = new LineBudget(REFUSED_LINES_PER_S);
  readonly #transferLines = new LineBudget(TRANSFER_LINES_PER_S);
  readonly #available: Gauge;
  readonly #metrics = new SharedCall(
    async () => withFormerNames(await this.registry.metrics()),
    METRICS_REST_MS,
  );
  readonly #unavailable = new Set<string>();

  constructor(private readonly options: LogSettings) {
    const lostLines = new Counter({
      name: 'glimpse_log_lines_lost_total',
      help: 'Log lines lost because standard error was full, closed or not read.',
      registers: [this.registry],
    });
    this.#destination = new LogDestination(process.stderr, () => lostLines.inc());
    this.#logger = pino(
      {
        level: options.level,
        base: undefined,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
        serializers: { error: stdSerializers.err },
        hooks: { streamWrite: (line) => `${printable(line.trimEnd())}\n` },
      },
      this.#destination,
    );
    collectDefaultMetrics({ register: this.registry });
    this.#requestDurations = new RequestDurations(this.registry);
    this.#tokens = new TokenCounts(this.registry);
    this.#pluginFaults = new Counter({
      name: 'glimpse_plugin_faults_total',
      help: 'How often a plugin violated its contract.',
      labelNames: ['plugin'],
      registers: [this.registry],
    });
    this.#available = new Gauge({
      name: 'glimpse_dependency_available',
      help: 'Whether a dependency was available when it was last used or checked: 1 or 0.',
      labelNames: ['dependency'],
      registers: [this.registry],
    });
    this.exposeDependency('database');
    new Gauge({
      name: 'glimpse_build_info',
      help: 'Always 1; the labels name the versions that run.',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    }).set({ version: VERSION, node: process.version }, 1);
  }

  /** The metrics in Prometheus's text format, collected once for all requests that wait for them. */
  metrics(): Promise<string> {
    return this.#metrics.call();
  }

  /** Exposes the availability of a dependency, which counts as available until a failure is observed. */
  exposeDependency(dependency: string): void {
    this.#unavailable.delete(dependency);
    this.#available.set({ dependency }, 1);
  }

  /** Whether a dependency was available when it was last used or checked. */
  isAvailable(dependency: string): boolean {
    return !this.#unavailable.has(dependency);
  }

  /** Logs and counts an observation, as far as it is logged and counted. */
  observe<N extends ObservationName>(name: N, known: Observations[N]): void {
    if (name === 'request-served') {
      const request = known as Observations['request-served'];
      const { status, duration } = request;
      this.#requestDurations.observe(request, duration);
      if (!this.#deservesLine(request)) return;
      if (status >= 400 && !this.options.requests) {
        const omitted = this.#refusedLines.spend();
        if (omitted === undefined) return;
        if (omitted > 0) this.#log('request-lines-omitted', { count: omitted });
      }
    }
    if (name === 'token-validated') {
      this.#tokens.count(known as Observations['token-validated']);
      return;
    }
    if (this.mirror.count(name, known)) return;
    if (name === 'data-transferred' && this.#transferLines.spend() === undefined) return;
    if (name === 'sweep-failed') {
      const { reason } = known as Observations['sweep-failed'];
      if (!this.#faultLines.allows(`sweep: ${reason}`)) return;
    }
    if (name === 'source-image-bad') {
      const { problem } = known as Observations['source-image-bad'];
      if (!this.#faultLines.allows(problem)) return;
    }
    if (name === 'pass-through-failed') {
      const { reason } = known as Observations['pass-through-failed'];
      if (!this.#faultLines.allows(`pass-through: ${reason}`)) return;
    }
    if (name === 'follower-failed') {
      const { error } = known as Observations['follower-failed'];
      if (!this.#faultLines.allows(String(error))) return;
    }
    if (name === 'plugin-failed') {
      const { plugin } = known as Observations['plugin-failed'];
      this.#pluginFaults.inc({ plugin });
      if (!this.#faultLines.allows(plugin)) return;
    }
    const [, what, state] = /^(\w+)-(available|unavailable)$/.exec(name) ?? [];
    if (what) {
      const { store } = known as Observations['store-available'];
      const dependency = what === 'store' ? storeDependency(store) : what;
      this.#available.set({ dependency }, state === 'available' ? 1 : 0);
      if (state === 'available') this.#unavailable.delete(dependency);
      else this.#unavailable.add(dependency);
    }
    this.#log(name as keyof typeof LINES, known);
  }

  #log(name: keyof typeof LINES, known: object): void {
    const { level, message } = LINES[name];
    this.#logger[level]({ event: name, ...known }, message);
  }

  /** Waits until the log is written, up to a deadline. */
  flush(): Promise<void> {
    return this.#destination.flush();
  }

  /** Whether a request is a change, a failure or slow. */
  #deservesLine({ method, status, duration }: Observations['request-served']): boolean {
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    return this.options.requests || !reads || status >= 400 || duration >= SLOW_S;
  }
}
