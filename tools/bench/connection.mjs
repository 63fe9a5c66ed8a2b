/** One HTTP connection that costs its end as little as can be, so that what is measured is the other's. */
import { once } from 'node:events';
import { connect } from 'node:net';

/** The bytes of a request. */
export function requestOf(path, token, { method = 'GET', body = '' } = {}) {
  const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-auth-token: ${token}\r\n${length}\r\n${body}`;
}

export class Connection {
  #socket;
  #answered;
  #head = '';
  #missing = 0;
  #status = 0;

  static async open(url) {
    const { hostname, port } = new URL(url);
    const connection = new Connection(hostname, Number(port));
    await once(connection.#socket, 'connect');
    return connection;
  }

  constructor(host, port) {
    // What is read is not kept: a chunk of its own for each would be collected in the midst of what is measured.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(65_536),
      callback: (length, buffer) => (this.#take(length, buffer), true),
    };
    this.#socket = connect({ host, port, noDelay: true, onread });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#answered?.(0));
  }

  /**
   * Sends a request, and calls back with the status once all of the answer is there; with 0 when the connection
   * was closed instead. One at a time.
   */
  send(request, answered) {
    this.#answered = answered;
    this.#head = '';
    this.#missing = 0;
    if (this.#socket.destroyed) return answered(0);
    this.#socket.write(request, 'latin1');
  }

  /** @returns {Promise<{status: number, ms: number}>} */
  request(request) {
    const since = performance.now();
    return new Promise((resolve) =>
      this.send(request, (status) => resolve({ status, ms: performance.now() - since })),
    );
  }

  #take(length, buffer) {
    if (this.#missing > 0) {
      this.#missing -= length;
    } else {
      this.#head += buffer.latin1Slice(0, length);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#status = Number(this.#head.slice(9, 12));
      const [, body = 0] = /\r\ncontent-length: (\d+)/i.exec(this.#head.slice(0, end)) ?? [];
      this.#missing = end + 4 + Number(body) - this.#head.length;
    }
    if (this.#missing > 0) return;
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(this.#status);
  }

  close() {
    this.#socket.destroy();
  }
}
