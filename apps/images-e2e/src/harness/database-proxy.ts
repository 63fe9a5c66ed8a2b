import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A proxy between a service and its database that can fail as a network does. */
export class DatabaseProxy {
  readonly #sockets = new Set<Socket>();
  /** How many bytes the database has sent. */
  bytesFromDatabase = 0;
  /** The bytes that each connection forwards in each direction. */
  #limit = Infinity;
  /** The bytes a second that each connection forwards in each direction. */
  #rate = Infinity;

  private constructor(
    /** The URL of the database through this proxy. */
    readonly url: string,
    private readonly server: Server,
    private database: URL,
  ) {}

  /**
   * @param url of the database itself
   * @param host the address that it listens on
   */
  static async to(url: string, host = '127.0.0.1'): Promise<DatabaseProxy> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const own = new URL(url);
    own.hostname = host;
    own.port = String((server.address() as AddressInfo).port);
    const proxy = new DatabaseProxy(own.toString(), server, new URL(url));
    server.on('connection', (client) => {
      const { hostname, port } = proxy.database;
      proxy.#join(client, connect(Number(port), hostname));
    });
    return proxy;
  }

  /** Switches to another database. */
  leadTo(url: string): void {
    this.database = new URL(url);
    this.#drop();
  }

  #join(client: Socket, upstream: Socket): void {
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      let received = 0;
      from.on('data', (chunk) => {
        received += chunk.length;
        if (from === upstream) this.bytesFromDatabase += chunk.length;
        if (received > this.#limit) return;
        to.write(chunk);
        if (this.#rate === Infinity) return;
        from.pause();
        setTimeout(() => from.resume(), (chunk.length / this.#rate) * 1_000);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  /** Cuts every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.#drop();
    await closed;
  }

  /**
   * Drops every byte from now on, or those of each connection after the first ones; connections stay open, and new ones
   * are accepted.
   */
  stall(afterBytes = 0): void {
    this.#limit = afterBytes;
  }

  /** Forwards so many bytes a second of each connection and direction from now on. */
  slow(bytesPerSecond: number): void {
    this.#rate = bytesPerSecond;
  }

  /** Forwards again, and at full speed; dropped bytes stay lost. */
  async restore(): Promise<void> {
    if (this.#limit < Infinity) this.#drop();
    this.#limit = Infinity;
    this.#rate = Infinity;
    if (this.server.listening) return;
    const { hostname, port } = new URL(this.url);
    this.server.listen(Number(port), hostname);
    await once(this.server, 'listening');
  }

  #drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    if (this.server.listening) await this.cut();
  }
}
