import { once } from 'node:events';
import { createServer, request as requestOf, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `refuse`: 503; `full`: 507; `cut`: the connection ends before the service has the request; `lose`: before the client has
 * the response.
 */
export type Fault = 'refuse' | 'full' | 'cut' | 'lose';

const STATUS = { refuse: 503, full: 507 };

/** A proxy in front of an S3 service that fails as networks and services do. */
export class FaultyProxy {
  readonly #server = createServer((request, response) => this.#serve(request, response));
  readonly #faults: { readonly only: RegExp; readonly fault: Fault }[] = [];

  private constructor(private readonly service: URL) {}

  static async to(url: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The faults that have not come yet. */
  get left(): number {
    return this.#faults.length;
  }

  /** Fails the next request that matches, such as `PUT /bucket/key?partNumber=2`. */
  failNext(only: RegExp, ...faults: readonly Fault[]): void {
    for (const fault of faults) this.#faults.push({ only, fault });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method, url } = request;
    const at = this.#faults.findIndex(({ only }) => only.test(`${method} ${url}`));
    const fault = at < 0 ? undefined : this.#faults.splice(at, 1)[0]!.fault;
    if (fault === 'cut') return void request.socket.destroy();
    if (fault === 'refuse' || fault === 'full') {
      request.resume().on('end', () => response.writeHead(STATUS[fault]).end());
      return;
    }
    const { hostname, port } = this.service;
    // The signature covers the Host that the client has sent.
    const upstream = requestOf(
      { hostname, port, method, path: url, headers: request.headers },
      (received) => {
        if (fault === 'lose') {
          received.resume().on('end', () => response.destroy());
          return;
        }
        response.writeHead(received.statusCode!, received.headers);
        received.pipe(response);
      },
    );
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  }
}
