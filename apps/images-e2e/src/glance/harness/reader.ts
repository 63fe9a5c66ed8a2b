import {
  authenticate,
  byPassword,
  ownProject,
  type Cloud,
  type Person,
} from '../../keystone/harness/cloud.js';
import type { Service } from '../../harness/service.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Somebody who uses the images of the Compute API. */
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
  ): Promise<Answer> {
    const answer = await fetch(`${this.service.url}/v2.1/images${path}`, {
      method,
      headers: {
        'x-auth-token': this.token,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
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

  /** Sets metadata, and leaves the rest. */
  set(id: string, metadata: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('POST', `/${id}/metadata`, { metadata }, headers);
  }
}
