import { setTimeout as sleep } from 'node:timers/promises';

/** The most bytes that are buffered for a slow reader of the log; lines beyond are lost. */
const WAITING_BYTES = 1024 * 1024;
/** How long the process waits for the reader before it ends. */
const FLUSH_DEADLINE_MS = 1_000;

/**
 * Writes the log's lines to a stream that may be full, closed or unread: lines are lost then, and the service goes on.
 * The stream is Node's own standard error: pino's destination blocks a thread on a pipe that is not read, and with it
 * the end of the process.
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
    // The callback of each write handles its failure; without a listener, this event would end the process.
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

  /** Waits until the lines are written, up to {@link FLUSH_DEADLINE_MS}. */
  async flush(): Promise<void> {
    const deadline = performance.now() + FLUSH_DEADLINE_MS;
    while (this.stream.writableLength > 0 && performance.now() < deadline) await sleep(10);
  }
}
