import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A request that a service passed on, and the connection on which a test writes each byte of the response. */
export class Exchange {
  /** Request line and headers, one character a byte. */
  readonly head: string;
  /** How the service ended its side of the connection: orderly, or not. */
  ended: 'orderly' | 'broken' | undefined;
  #body: Buffer;

  constructor(
    readonly connection: Socket,
    received: Buffer,
  ) {
    const end = received.indexOf('\r\n\r\n');
    this.head = received.toString('latin1', 0, end);
    this.#body = received.subarray(end + 4);
    connection.on('data', (chunk: Buffer) => (this.#body = Buffer.concat([this.#body, chunk])));
    connection.once('end', () => (this.ended ??= this.#isComplete() ? 'orderly' : 'broken'));
    connection.once('close', () => (this.ended ??= 'broken'));
  }

  get line(): string {
    return this.head.split('\r\n', 1)[0]!;
  }

  /** The lines of the headers. */
  get headers(): string[] {
    return this.head.split('\r\n').slice(1);
  }

  /** What was received of the body, as it was framed. */
  get body(): Buffer {
    return this.#body;
  }

  /** Waits for the end of the body. */
  async received(): Promise<Buffer> {
    while (!this.#isComplete()) await once(this.connection, 'data');
    return this.#body;
  }

  write(bytes: string | Buffer): void {
    this.connection.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Writes a whole response. */
  respond(status: string, headers: readonly string[] = [], body = ''): void {
    const lines = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
    this.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  #isComplete(): boolean {
    const [, length] = /^content-length: (\d+)$/im.exec(this.head) ?? [];
    if (length !== undefined) return this.#body.length >= Number(length);
    return !/^transfer-encoding:/im.test(this.head) || this.#body.toString('latin1').endsWith('0\r\n\r\n');
  }
}

/**
 * A server behind a service on whose connections a test writes every byte. A connection has one request. Those
 * for another host than that of `bytesOf`, which the service sends by itself, are 404 and not recorded.
 */
export class RawUpstream {
  readonly url: string;
  readonly exchanges: Exchange[] = [];
  /** Serves a request that was passed on. */
  serve: (exchange: Exchange) => unknown = (exchange) => exchange.respond('200 OK');

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (connection: Socket) => this.#read(connection));
  }

  static async start(): Promise<RawUpstream> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawUpstream(server);
  }

  /** The last request. */
  get last(): Exchange {
    return this.exchanges.at(-1)!;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const { connection } of this.exchanges) connection.destroy();
    await closed;
  }

  #read(connection: Socket): void {
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (!received.includes('\r\n\r\n')) return;
      connection.off('data', onData);
      const exchange = new Exchange(connection, received);
      if (!/^host: images\.example\.com$/im.test(exchange.head)) {
        // As Glance's of a missing image: it names what was requested.
        const body = JSON.stringify({ message: exchange.line });
        exchange.respond('404 Not Found', ['Content-Type: application/json', 'Connection: close'], body);
        return void connection.end();
      }
      this.exchanges.push(exchange);
      this.serve(exchange);
    };
    connection.on('data', onData);
    // The service may reset the connection.
    connection.on('error', () => undefined);
  }
}
