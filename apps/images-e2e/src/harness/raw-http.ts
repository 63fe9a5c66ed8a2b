import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Milliseconds after which a request counts as hung. */
const HUNG_MS = 10_000;

/** An answer as it came over the socket. */
export interface RawAnswer {
  readonly status: number;
  /** By name in small letters; a repeated one is joined with commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The parts of a request; each goes out as it stands. */
export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** `host` is there unless it is said to be undefined. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Sent with its length, unless the headers say how it is framed. */
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

/** The end of what stands before the body, and all that it says. */
function headOf(received: Buffer): (Omit<RawAnswer, 'text'> & { end: number }) | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
  if (!status) throw new Error(`no answer: ${JSON.stringify(first)}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return { status: Number(status), headers, end: end + 4 };
}

/** The whole of a chunked body and where it ends; undefined while there is more to come. */
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

/** A connection on which a test says every byte itself. */
export class RawConnection {
  #received: Buffer = Buffer.alloc(0);
  #ended = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => (this.#received = Buffer.concat([this.#received, chunk])));
    // The service may close while a test still writes; what counts is what it answered before.
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

  /** Whether these bytes came, and were not taken as part of an answer yet. */
  hasReceived(bytes: string): boolean {
    return this.#received.includes(bytes);
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Says that nothing more comes, and still hears the answer. */
  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Ends the connection the rude way: the service reads an error. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** What came and was not taken as an answer yet. */
  get rest(): string {
    return this.#received.toString('latin1');
  }

  /** Waits until the service ends the connection. */
  async closed(milliseconds = HUNG_MS): Promise<void> {
    while (!this.#ended) await this.#more(milliseconds, 'the end of the connection');
  }

  /**
   * The next answer. What comes before the last word, such as 100 Continue, is skipped.
   *
   * @param bodyless the answer is to HEAD
   */
  async answer({ bodyless = false, within = HUNG_MS } = {}): Promise<RawAnswer> {
    for (;;) {
      const answer = this.#take(bodyless);
      if (answer && answer.status >= 200) return answer;
      if (!answer) await this.#more(within, 'an answer');
    }
  }

  #take(bodyless: boolean): RawAnswer | undefined {
    const head = headOf(this.#received);
    if (!head) return undefined;
    const { status, headers, end } = head;
    const took = (body: Buffer, to: number): RawAnswer => {
      this.#received = this.#received.subarray(to);
      return { status, headers, text: body.toString() };
    };
    if (bodyless || status < 200 || status === 204 || status === 304) return took(Buffer.alloc(0), end);
    if (headers['transfer-encoding'] === 'chunked') {
      const chunks = chunksOf(this.#received, end);
      return chunks && took(chunks.body, chunks.end);
    }
    const to = end + Number(headers['content-length'] ?? NaN);
    if (Number.isNaN(to)) throw new Error(`an answer of no length: ${JSON.stringify(headers)}`);
    return this.#received.length < to ? undefined : took(this.#received.subarray(end, to), to);
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
export async function sendRaw(url: string, request: RawRequest): Promise<RawAnswer> {
  const connection = await RawConnection.open(url);
  try {
    connection.write(bytesOf(request));
    return await connection.answer({ bodyless: request.method === 'HEAD' });
  } finally {
    connection.close();
  }
}
