import { until } from '@glimpse/domain/testing';
import { expect } from '@jest/globals';
import type { Service } from '../../harness/service.js';
import type { Cloud } from '../../keystone/harness/cloud.js';
import { comparable } from './comparable.js';
import { GlanceClient, type GlanceResponse, type Sent } from './glance-client.js';

/** A client of Glance, and of the Image API of a mirror in front of it, with one token. */
export class PairedClient {
  private constructor(
    private readonly name: string,
    readonly glance: GlanceClient,
    private readonly mirror: GlanceClient,
  ) {}

  /** A user in their own project. */
  static async as(cloud: Cloud, name: keyof Cloud['people'], service: Service): Promise<PairedClient> {
    const { token } = await GlanceClient.as(cloud, cloud.people[name]);
    return PairedClient.with(cloud, name, token, service);
  }

  /** @param name what the token is, for messages */
  static with({ image }: Cloud, name: string, token: string, { imageUrl }: Service): PairedClient {
    return new PairedClient(name, new GlanceClient(image, token), new GlanceClient(imageUrl, token));
  }

  /**
   * Sends a request to both; returns Glance's response when the two are equal.
   *
   * @param intended what the mirror responds where that differs from Glance's response by intention
   */
  async read(
    target: string,
    intended: (glance: GlanceResponse) => GlanceResponse = (glance) => glance,
  ): Promise<GlanceResponse> {
    const [glance, mirror] = await Promise.all([
      this.glance.call('GET', target),
      this.callMirror('GET', target),
    ]);
    this.#expectSame(`GET ${target}`, mirror, intended(glance));
    return glance;
  }

  /** Sends a change to Glance and then to the mirror; returns the responses of both when they are equal but for ids and times. */
  async change(method: string, target: string, sent?: Sent): Promise<GlanceResponse[]> {
    const glance = await this.glance.call(method, target, sent);
    const mirror = await this.callMirror(method, target, sent);
    this.#expectSame(`${method} ${target}`, withoutIdsAndTimes(mirror), withoutIdsAndTimes(glance));
    return [glance, mirror];
  }

  /** Sends a request to the mirror alone, again where it is refused because the machine is busy. */
  async callMirror(method: string, target: string, sent?: Sent): Promise<GlanceResponse> {
    let response!: GlanceResponse;
    await until(async () => (response = await this.mirror.call(method, target, sent)).status !== 503);
    return response;
  }

  #expectSame(request: string, actual: GlanceResponse, expected: GlanceResponse): void {
    const form = ({ status, body }: GlanceResponse): object => ({
      request: `${this.name}: ${request}`,
      status,
      ...(status < 400 && { body: comparable(body) }),
    });
    expect(form(actual)).toEqual(form(expected));
  }
}

function withoutIdsAndTimes({ body, ...response }: GlanceResponse): GlanceResponse {
  const differing = new Set(['id', 'self', 'file', 'created_at', 'updated_at']);
  const kept = (key: string, value: unknown): unknown => (differing.has(key) ? undefined : value);
  return { ...response, body: JSON.parse(JSON.stringify(body, kept)) as unknown };
}
