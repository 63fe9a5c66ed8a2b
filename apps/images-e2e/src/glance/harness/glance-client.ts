import {
  authenticate,
  byPassword,
  ownProject,
  type Cloud,
  type Person,
} from '../../keystone/harness/cloud.js';

/** An image as Glance writes it. */
export interface GlanceImage {
  readonly id: string;
  readonly owner: string;
  readonly status: string;
  readonly visibility: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly [attribute: string]: unknown;
}

export interface GlanceMember {
  readonly member_id: string;
  readonly status: string;
}

/** A change of Glance's own form of JSON Patch. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export interface GlanceResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON document, or the text of another body. */
  readonly body: unknown;
}

export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A user's client of Glance, over its Image API v2. */
export class GlanceClient {
  constructor(
    private readonly url: string,
    readonly token: string,
  ) {}

  /** Authenticates a user in their own project, or in another one that they have a role in. */
  static async as({ authUrl, image }: Cloud, person: Person, scope?: object): Promise<GlanceClient> {
    const token = await authenticate(authUrl, byPassword(person), scope ?? ownProject(person));
    return new GlanceClient(image, token);
  }

  /** Sends any request; returns any response. */
  async call(method: string, path: string, { body, headers }: Sent = {}): Promise<GlanceResponse> {
    const bytes = body instanceof Uint8Array;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        'x-auth-token': this.token,
        ...(body !== undefined && {
          'content-type': bytes ? 'application/octet-stream' : 'application/json',
        }),
        ...headers,
      },
      ...(body !== undefined && { body: bytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
    const text = await response.text();
    let read: unknown = text;
    try {
      read = JSON.parse(text);
    } catch {
      // A refusal is a page, and a success may be empty.
    }
    return { status: response.status, headers: response.headers, body: read };
  }

  /** @throws Error when it is refused */
  async #done(method: string, path: string, sent?: Sent): Promise<unknown> {
    const { status, body } = await this.call(method, path, sent);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** A new image, which waits for its content. */
  async create(attributes: object = {}): Promise<GlanceImage> {
    const body = { disk_format: 'raw', container_format: 'bare', ...attributes };
    return (await this.#done('POST', '/v2/images', { body })) as GlanceImage;
  }

  async upload(id: string, content = 'content'): Promise<void> {
    await this.#done('PUT', `/v2/images/${id}/file`, { body: new TextEncoder().encode(content) });
  }

  /** A new image with content, which is active. */
  async createActive(attributes: object = {}): Promise<GlanceImage> {
    const { id } = await this.create(attributes);
    await this.upload(id);
    return this.show(id);
  }

  async show(id: string): Promise<GlanceImage> {
    return (await this.#done('GET', `/v2/images/${id}`)) as GlanceImage;
  }

  /** A page of a list, by the query as given. */
  async list(query = ''): Promise<GlanceImage[]> {
    return ((await this.#done('GET', `/v2/images?${query}`)) as { images: GlanceImage[] }).images;
  }

  /** Returns any response, because suites test refusals too. */
  patch(
    id: string,
    operations: readonly PatchOperation[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GlanceResponse> {
    const type = 'application/openstack-images-v2.1-json-patch';
    return this.call('PATCH', `/v2/images/${id}`, {
      body: operations,
      headers: { 'content-type': type, ...headers },
    });
  }

  /** Sets attributes or properties, whether it has them or not. */
  async set(id: string, attributes: Readonly<Record<string, unknown>>): Promise<void> {
    const operations = Object.entries(attributes).map(([name, value]) => ({
      op: 'add' as const,
      path: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      value,
    }));
    const { status, body } = await this.patch(id, operations);
    if (status !== 200) throw new Error(`${id} is not changed: ${status} ${JSON.stringify(body)}`);
  }

  async share(id: string, projectId: string): Promise<void> {
    await this.#done('POST', `/v2/images/${id}/members`, { body: { member: projectId } });
  }

  async accept(id: string, projectId: string, status = 'accepted'): Promise<void> {
    await this.#done('PUT', `/v2/images/${id}/members/${projectId}`, { body: { status } });
  }

  async unshare(id: string, projectId: string): Promise<void> {
    await this.#done('DELETE', `/v2/images/${id}/members/${projectId}`);
  }

  async members(id: string): Promise<GlanceMember[]> {
    return ((await this.#done('GET', `/v2/images/${id}/members`)) as { members: GlanceMember[] }).members;
  }

  async deactivate(id: string): Promise<void> {
    await this.#done('POST', `/v2/images/${id}/actions/deactivate`);
  }

  async reactivate(id: string): Promise<void> {
    await this.#done('POST', `/v2/images/${id}/actions/reactivate`);
  }

  async delete(id: string): Promise<void> {
    await this.#done('DELETE', `/v2/images/${id}`);
  }
}

/** Deletes every image of the run's Glance, which other suites have used before. */
export async function emptyGlance(cloud: Cloud): Promise<void> {
  const admin = await GlanceClient.as(cloud, cloud.people.admin);
  for (const hidden of [false, true]) {
    for (;;) {
      const images = await admin.list(`limit=1000&visibility=all&os_hidden=${hidden}`);
      if (images.length === 0) break;
      for (const image of images) {
        if (image['protected'] === true) await admin.set(image.id, { protected: false });
        await admin.delete(image.id);
      }
    }
  }
}
