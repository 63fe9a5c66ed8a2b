import { until } from '@glimpse/domain/testing';
import { bytesOf, RawConnection } from '../../harness/raw-http.js';
import { tokenOf, type Service } from '../../harness/service.js';

const OCTETS = { 'content-type': 'application/octet-stream' };

/** Whether a response says that the database did not respond in time, as on a busy machine. */
export function isBusy(text: string): boolean {
  return text.includes('The image catalogue is temporarily unavailable.');
}

type Sent = RequestInit & { readonly duplex?: 'half' };

/** The images of one project, as a replica or a load balancer serves them. */
export class Images<At extends Pick<Service, 'imageUrl'> = Service> {
  constructor(readonly service: At) {}

  /** Sends a request, again if a busy service has refused it: uploads are never 503. */
  async send(path: string, { headers, ...init }: Sent = {}): Promise<Response> {
    const all = { 'x-auth-token': tokenOf('demo'), ...(headers as Record<string, string>) };
    for (;;) {
      const response = await fetch(`${this.service.imageUrl}/v2/images${path}`, { ...init, headers: all });
      if (response.status !== 503 || init.method === 'PUT') return response;
      await response.arrayBuffer();
    }
  }

  /** Creates an image that waits for data, and returns its id. */
  async create(): Promise<string> {
    const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare' });
    const headers = { 'content-type': 'application/json' };
    const response = await this.send('', { method: 'POST', headers, body });
    return ((await response.json()) as { id: string }).id;
  }

  /** Uploads data, again if a busy service has refused bytes that can be sent twice. */
  async upload(id: string, body: Uint8Array | ReadableStream): Promise<Response> {
    const sent = body as Uint8Array<ArrayBuffer> | ReadableStream;
    for (;;) {
      const response = await this.send(`/${id}/file`, {
        ...{ method: 'PUT', headers: OCTETS, body: sent, duplex: 'half' },
      });
      if (response.status !== 502 || body instanceof ReadableStream) return response;
      if (!isBusy(await response.clone().text())) return response;
      await this.waitsForData(id);
    }
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

  /** Waits until an upload that has failed is given up, by the sweeper if the database did not respond. */
  waitsForData(id: string): Promise<void> {
    return until(async () => (await this.statusOf(id)) === 'queued', 120_000);
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
