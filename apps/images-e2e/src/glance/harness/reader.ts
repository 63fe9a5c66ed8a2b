import {
  authenticate,
  byPassword,
  ownProject,
  type Cloud,
  type Person,
} from '../../keystone/harness/cloud.js';
import type { Service } from '../../harness/service.js';

export interface ReaderResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A user's client of the images of the Compute API. */
export class Reader {
  constructor(
    private readonly service: Service,
    readonly token: string,
  ) {}

  static async as(cloud: Cloud, person: Person, service: Service): Promise<Reader> {
    const token = await authenticate(cloud.authUrl, byPassword(person), ownProject(person));
    return new Reader(service, token);
  }

  async call(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<ReaderResponse> {
    const response = await fetch(`${this.service.url}/v2.1/images${path}`, {
      method,
      headers: {
        'x-auth-token': this.token,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text ? JSON.parse(text) : {}) as Record<string, unknown>,
    };
  }

  async status(id: string, headers: Record<string, string> = {}): Promise<number> {
    return (await this.call('GET', `/${id}`, undefined, headers)).status;
  }

  /** The ids of all images that are listed, page by page. */
  async listed(): Promise<string[]> {
    const ids: string[] = [];
    for (let marker = ''; ;) {
      const { status, body } = await this.call('GET', `?limit=500${marker}`);
      if (status !== 200) throw new Error(`the list is answered ${status}`);
      const page = (body['images'] as { id: string }[]).map(({ id }) => id);
      ids.push(...page);
      if (page.length < 500) return ids.sort();
      marker = `&marker=${page.at(-1)!}`;
    }
  }

  async metadata(id: string): Promise<Record<string, string>> {
    return (await this.call('GET', `/${id}/metadata`)).body['metadata'] as Record<string, string>;
  }

  /** Merges metadata into that of an image. */
  set(
    id: string,
    metadata: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<ReaderResponse> {
    return this.call('POST', `/${id}/metadata`, { metadata }, headers);
  }
}
