import { pino, stdSerializers, stdTimeFunctions, type Logger } from 'pino';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { RequestDurations } from './request-durations.js';
import { LINES, SLOW, type LogLevel, type ObservationName, type Observations } from './observations.js';

export interface TelemetryOptions {
  readonly level: LogLevel;
  /** Whether every request has a line. */
  readonly requests: boolean;
  readonly version: string;
}

/** The log, on standard error, and the metrics. */
export class Telemetry {
  readonly registry = new Registry();
  readonly #logger: Logger;
  readonly #requestDurations: RequestDurations;

  constructor(private readonly options: TelemetryOptions) {
    this.#logger = pino(
      {
        level: options.level,
        base: undefined,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
        serializers: { error: stdSerializers.err },
      },
      pino.destination({ dest: 2, sync: true }),
    );
    collectDefaultMetrics({ register: this.registry });
    this.#requestDurations = new RequestDurations(this.registry);
    new Gauge({
      name: 'glimpse_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    }).set({ version: options.version, node: process.version }, 1);
  }

  /** Writes the line of an observation, if it has one, and counts it, if it is counted. */
  observe<N extends ObservationName>(name: N, known: Observations[N]): void {
    if (name === 'request-served') {
      const request = known as Observations['request-served'];
      const { route, method, status, duration } = request;
      this.#requestDurations.observe(route, method, status, duration);
      if (!this.#deservesLine(request)) return;
    }
    const { level, message } = LINES[name];
    const line: object = { event: name, ...known };
    this.#logger[level](line, message);
  }

  /** A change, a failure or a slow answer. */
  #deservesLine({ method, status, duration }: Observations['request-served']): boolean {
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    return this.options.requests || !reads || status >= 400 || duration >= SLOW;
  }
}
