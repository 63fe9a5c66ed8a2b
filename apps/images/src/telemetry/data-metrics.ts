import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Telemetry } from './telemetry.js';

export type Direction = 'upload' | 'download';

/**
 * How a transfer ended: `aborted` by the client, `cut-off` because the service stops, `gone`: the image was deleted
 * meanwhile, `refused` for its data or a quota, `full`: the store has too little space, `failed`: the store or the database is
 * unavailable.
 */
export type TransferOutcome = (typeof OUTCOMES.upload)[number];

const OUTCOMES = {
  upload: ['complete', 'aborted', 'cut-off', 'gone', 'refused', 'full', 'failed'],
  download: ['complete', 'aborted', 'failed'],
} as const;

/** An operation of a store. `aborted`: the data did not come, or was not read, to its end. */
export type StoreOperation = keyof typeof OPERATIONS;
export type OperationOutcome = 'done' | 'aborted' | 'full' | 'unavailable';

const OPERATIONS = {
  write: ['done', 'aborted', 'full', 'unavailable'],
  read: ['done', 'aborted', 'unavailable'],
  delete: ['done', 'unavailable'],
  marker: ['done', 'unavailable'],
} as const satisfies Record<string, readonly OperationOutcome[]>;

/** A transfer of image data in progress. */
export interface Transfer {
  /** Counts bytes that have passed. */
  passed(bytes: number): void;
  /** Ends the transfer; only the first outcome counts. */
  end(outcome: TransferOutcome): void;
}

/** The metrics of image data. Bytes are counted while they pass, and copied when metrics are collected. */
export class DataMetrics {
  readonly #inProgress = { upload: 0, download: 0 };
  readonly #bytes = { upload: 0, download: 0 };
  readonly #registry: Registry;
  readonly #transfers = new Counter({
    name: 'glimpse_data_transfers_total',
    help: 'Uploads and downloads that have ended, by direction and outcome.',
    labelNames: ['direction', 'outcome'],
    registers: [],
  });
  readonly #durations = new Histogram({
    name: 'glimpse_data_transfer_duration_seconds',
    help: 'Time of complete uploads and downloads, by direction.',
    labelNames: ['direction'],
    buckets: [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600],
    registers: [],
  });
  readonly #operations = new Histogram({
    name: 'glimpse_data_store_operation_duration_seconds',
    help:
      'Time that a store of image data needed, without the time in which it waited for a client, by store, operation ' +
      '(write, read, delete, marker) and outcome (done, aborted, full, unavailable).',
    labelNames: ['store', 'operation', 'outcome'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300],
    registers: [],
  });
  readonly #sweepFaults = new Counter({
    name: 'glimpse_data_sweep_faults_total',
    help: 'Attempts to delete image data that failed.',
    registers: [],
  });

  constructor(private readonly telemetry: Telemetry) {
    this.#registry = telemetry.registry;
  }

  /**
   * Exposes the metrics of a service that has a store, at zero, so that the first event is an increase.
   *
   * @param stores the bytes that each store accepts, as of the last check; NaN where they are not known
   * @param sweeper the objects to delete, NaN while not known, the seconds since none was left, and the last check
   */
  expose(
    stores: readonly { readonly shownName: string; readonly freeBytes: number }[],
    sweeper: {
      readonly queued: number;
      readonly age: number;
      readonly lastCheck:
        { readonly findings: Readonly<Record<string, number>>; readonly age: number } | undefined;
    },
  ): void {
    for (const metric of [this.#transfers, this.#durations, this.#operations, this.#sweepFaults]) {
      this.#registry.registerMetric(metric);
    }
    for (const [direction, outcomes] of Object.entries(OUTCOMES)) {
      this.#durations.zero({ direction });
      for (const outcome of outcomes) this.#transfers.inc({ direction, outcome }, 0);
    }
    for (const { shownName: store } of stores) {
      for (const [operation, outcomes] of Object.entries(OPERATIONS)) {
        for (const outcome of outcomes) this.#operations.zero({ store, operation, outcome });
      }
    }
    const [inProgress, bytes] = [this.#inProgress, this.#bytes];
    new Gauge({
      name: 'glimpse_data_transfers',
      help: 'Uploads and downloads in progress, by direction.',
      labelNames: ['direction'],
      registers: [this.#registry],
      collect() {
        for (const [direction, count] of Object.entries(inProgress)) this.set({ direction }, count);
      },
    });
    new Counter({
      name: 'glimpse_data_transferred_bytes_total',
      help: 'Bytes of image data that were uploaded and downloaded, by direction.',
      labelNames: ['direction'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [direction, count] of Object.entries(bytes)) this.inc({ direction }, count);
      },
    });
    new Gauge({
      name: 'glimpse_data_store_free_bytes',
      help: 'Bytes that a store of image data accepts before uploads are refused, where that is known, by store.',
      labelNames: ['store'],
      registers: [this.#registry],
      collect() {
        for (const { shownName: store, freeBytes } of stores) this.set({ store }, freeBytes);
      },
    });
    this.#gauge(
      'deletions_queued',
      'Objects in the stores whose bytes are to be deleted, up to 10,000 of each.',
      () => sweeper.queued,
    );
    this.#gauge('deletions_age_seconds', 'Seconds since no bytes were left to delete.', () => sweeper.age);
    new Gauge({
      name: 'glimpse_data_check_findings',
      help: 'What the last `glimpse data check` has left, by kind; no series before the first one.',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect() {
        for (const [kind, count] of Object.entries(sweeper.lastCheck?.findings ?? {}))
          this.set({ kind }, count);
      },
    });
    this.#gauge(
      'check_age_seconds',
      'Seconds since the end of the last `glimpse data check`; NaN before the first one.',
      () => sweeper.lastCheck?.age ?? NaN,
    );
  }

  /** Begins to measure a transfer. @param image the image's id, for the log */
  begin(direction: Direction, image: string): Transfer {
    const begun = performance.now();
    let bytes = 0;
    let ended = false;
    this.#inProgress[direction]++;
    return {
      passed: (count) => {
        bytes += count;
        this.#bytes[direction] += count;
      },
      end: (outcome) => {
        if (ended) return;
        ended = true;
        this.#inProgress[direction]--;
        const seconds = (performance.now() - begun) / 1000;
        this.#transfers.inc({ direction, outcome });
        if (outcome === 'complete') this.#durations.observe({ direction }, seconds);
        this.telemetry.observe('data-transferred', { direction, image, bytes, seconds, outcome });
      },
    };
  }

  operationEnded(store: string, operation: StoreOperation, outcome: OperationOutcome, seconds: number): void {
    this.#operations.observe({ store, operation, outcome }, seconds);
  }

  /** An attempt to delete image data has failed. */
  sweepFailed(reason: string): void {
    this.#sweepFaults.inc();
    this.telemetry.observe('sweep-failed', { reason });
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `glimpse_data_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }
}
