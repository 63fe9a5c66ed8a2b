import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Milliseconds after which a request counts as hung. */
const HUNG_MS = 10_000;

/** A response as received from the socket. */
export interface RawResponse {
  readonly status: number;
  /** By lowercase name; a repeated one is joined with commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The parts of a request; each is sent as given. */
export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** `host` is added unless it is given, even as undefined. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Sent with its length, unless the headers define the framing. */
  readonly body?: string | Buffer;
}

/** The bytes of a request. Header values are Latin-1, as they are on the wire. */
export function bytesOf({
  method = 'GET',
  target = '/',
  version = '1.1',
  headers = {},
  body,
}: RawRequest): Buffer {
  const framed = Object.keys(headers).some((name) => /^(?:content-length|transfer-encoding)$/i.test(name));
  const all = {
    host: 'images.example.com',
    ...(body !== undefined && !framed && { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
  );
  const head = `${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body ?? '')]);
}

/** The status and headers of a response, and the offset of its body. */
function headOf(received: Buffer): (Omit<RawResponse, 'text'> & { end: number }) | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
  if (!status) throw new Error(`no response: ${JSON.stringify(first)}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return { status: Number(status), headers, end: end + 4 };
}

/** A complete chunked body and its end; undefined while it is incomplete. */
function chunksOf(received: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ;) {
    const line = received.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const length = parseInt(received.toString('latin1', at, line), 16);
    if (received.length < line + 2 + length + 2) return undefined;
    if (length === 0) return { body: Buffer.concat(chunks), end: line + 4 };
    chunks.push(received.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}

/** A connection on which a test writes every byte itself. */
export class RawConnection {
  #received: Buffer = Buffer.alloc(0);
  #ended = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => (this.#received = Buffer.concat([this.#received, chunk])));
    // The service may close while a test still writes; the response before that counts.
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) socket.on(event, () => (this.#ended = true));
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Whether the service has ended the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether these bytes were received and not parsed as part of a response yet. */
  hasReceived(bytes: string): boolean {
    return this.#received.includes(bytes);
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Half-closes the connection; responses are still read. */
  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Resets the connection, which is a read error in the service. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** What was received and not parsed as a response yet. */
  get rest(): string {
    return this.#received.toString('latin1');
  }

  /** Waits until the service ends the connection. */
  async closed(milliseconds = HUNG_MS): Promise<void> {
    while (!this.#ended) await this.#more(milliseconds, 'the end of the connection');
  }

  /**
   * The next final response. Interim responses, such as 100 Continue, are skipped.
   *
   * @param bodyless whether it is the response to HEAD
   */
  async response({ bodyless = false, within = HUNG_MS } = {}): Promise<RawResponse> {
    for (;;) {
      const response = this.#parse(bodyless);
      if (response && response.status >= 200) return response;
      if (!response) await this.#more(within, 'a response');
    }
  }

  #parse(bodyless: boolean): RawResponse | undefined {
    const head = headOf(this.#received);
    if (!head) return undefined;
    const { status, headers, end } = head;
    const consume = (body: Buffer, to: number): RawResponse => {
      this.#received = this.#received.subarray(to);
      return { status, headers, text: body.toString() };
    };
    if (bodyless || status < 200 || status === 204 || status === 304) return consume(Buffer.alloc(0), end);
    if (headers['transfer-encoding'] === 'chunked') {
      const chunks = chunksOf(this.#received, end);
      return chunks && consume(chunks.body, chunks.end);
    }
    const to = end + Number(headers['content-length'] ?? NaN);
    if (Number.isNaN(to)) throw new Error(`a response without a length: ${JSON.stringify(headers)}`);
    return this.#received.length < to ? undefined : consume(this.#received.subarray(end, to), to);
  }

  async #more(milliseconds: number, what: string): Promise<void> {
    if (this.#ended) throw new Error(`the connection ended before ${what}: ${this.#received.toString()}`);
    const stop = new AbortController();
    const { signal } = stop;
    const timer = setTimeout(() => stop.abort(), milliseconds);
    try {
      await Promise.race(['data', 'end', 'close'].map((event) => once(this.socket, event, { signal })));
    } catch {
      throw new Error(`no ${what} within ${milliseconds} ms: ${this.#received.toString()}`);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
}

/** Sends one request on a connection of its own. */
export async function sendRaw(url: string, request: RawRequest): Promise<RawResponse> {
  const connection = await RawConnection.open(url);
  try {
    connection.write(bytesOf(request));
    return await connection.response({ bodyless: request.method === 'HEAD' });
  } finally {
    connection.close();
  }
}
