import { bytesOf, RawConnection } from '../../harness/raw-http.js';
import { tokenOf, type Service } from '../../harness/service.js';

const OCTETS = { 'content-type': 'application/octet-stream' };

type Sent = RequestInit & { readonly duplex?: 'half' };

/** The images of one project, as one replica serves them. */
export class Images {
  constructor(readonly service: Service) {}

  send(path: string, { headers, ...init }: Sent = {}): Promise<Response> {
    const all = { 'x-auth-token': tokenOf('demo'), ...(headers as Record<string, string>) };
    return fetch(`${this.service.imageUrl}/v2/images${path}`, { ...init, headers: all });
  }

  /** Creates an image that waits for data, and returns its id. */
  async create(): Promise<string> {
    const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare' });
    const headers = { 'content-type': 'application/json' };
    const response = await this.send('', { method: 'POST', headers, body });
    return ((await response.json()) as { id: string }).id;
  }

  upload(id: string, body: Uint8Array | ReadableStream): Promise<Response> {
    const sent = body as Uint8Array<ArrayBuffer> | ReadableStream;
    return this.send(`/${id}/file`, { method: 'PUT', headers: OCTETS, body: sent, duplex: 'half' });
  }

  async download(id: string, range?: string): Promise<Buffer> {
    const response = await this.send(`/${id}/file`, range === undefined ? {} : { headers: { range } });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async statusOf(id: string): Promise<unknown> {
    const response = await this.send(`/${id}`, { headers: { 'cache-control': 'no-cache' } });
    return ((await response.json()) as { status: unknown }).status;
  }

  /** Begins an upload, whose body the test goes on with. */
  async beginUpload(id: string, length: number): Promise<RawConnection> {
    const connection = await RawConnection.open(this.service.imageUrl);
    const headers = { 'x-auth-token': tokenOf('demo'), ...OCTETS, 'content-length': String(length) };
    connection.write(bytesOf({ method: 'PUT', target: `/v2/images/${id}/file`, headers }));
    return connection;
  }

  /** Begins a download, and leaves it in the middle. */
  async abandonDownload(id: string): Promise<void> {
    const response = await this.send(`/${id}/file`);
    await response.body!.cancel();
  }
}
