import { setTimeout as sleep } from 'node:timers/promises';

/** The most that waits for a slow reader of the log; what does not fit is lost. */
const WAITING_BYTES = 1024 * 1024;
/** How long the end of the process waits for the reader. */
const FLUSH_DEADLINE_MS = 1_000;

/**
 * Writes the log's lines to a stream that may be full, closed, or read by nothing: lines get lost then, and nothing
 * else happens. Node's own standard error and not pino's destination, whose writes block a thread on a pipe that is
 * not read, and so the end of the process.
 */
export class LogDestination {
  readonly #written = (error?: Error | null): void => {
    if (error) this.onLost();
  };

  /** @param onLost called for each line that is lost */
  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly onLost: () => void,
  ) {
    // Each write learns of its failure; unhandled, this event would end the process.
    stream.on('error', () => undefined);
  }

  write(line: string): void {
    if (this.stream.writableLength > WAITING_BYTES) {
      this.onLost();
      return;
    }
    try {
      this.stream.write(line, this.#written);
    } catch {
      // A file is written to synchronously.
      this.onLost();
    }
  }

  /** Waits until the lines are written, for a moment. */
  async flush(): Promise<void> {
    const deadline = performance.now() + FLUSH_DEADLINE_MS;
    while (this.stream.writableLength > 0 && performance.now() < deadline) await sleep(10);
  }
}
