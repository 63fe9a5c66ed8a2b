import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

const CERTIFICATES = new URL('../../../../libs/auth/contract/tls/', import.meta.url);
const pem = (name: string): Buffer => readFileSync(new URL(name, CERTIFICATES));

/** The file of the authority that signed the certificate of {@link TlsProxy}, and of one that did not. */
export const AUTHORITY = fileURLToPath(new URL('authority.crt', CERTIFICATES));
export const OTHER_AUTHORITY = fileURLToPath(new URL('other-authority.crt', CERTIFICATES));

/** TLS in front of a server without it, with a certificate for the loopback addresses that a private authority signed. */
export class TlsProxy {
  readonly url: string;
  /** How many connections were accepted with TLS, by both sides. */
  secured = 0;
  readonly #sockets = new Set<TLSSocket>();

  private constructor(
    private readonly server: Server,
    upstream: URL,
  ) {
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('secureConnection', (client) => {
      this.secured++;
      this.#sockets.add(client);
      const to = connect(Number(upstream.port), upstream.hostname);
      for (const socket of [client, to]) socket.on('error', () => undefined);
      client.on('close', () => {
        this.#sockets.delete(client);
        to.destroy();
      });
      to.on('close', () => client.destroy());
      client.pipe(to).pipe(client);
    });
  }

  static async to(url: string): Promise<TlsProxy> {
    const server = createServer({ key: pem('loopback.key'), cert: pem('loopback.crt') });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    return new TlsProxy(server, new URL(url));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
