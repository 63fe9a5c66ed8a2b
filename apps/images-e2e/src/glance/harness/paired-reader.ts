import { until } from '@glimpse/domain/testing';
import { expect } from '@jest/globals';
import type { Service } from '../../harness/service.js';
import type { Cloud } from '../../keystone/harness/cloud.js';
import { comparable } from './comparable.js';
import { GlanceClient, type GlanceResponse } from './glance-client.js';

/** The settings of a mirror that also serves the Image API. */
export function withImageApi({ image }: Cloud): Record<string, string> {
  return { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_GLANCE_URL: image };
}

/** A user's client of Glance, and of the Image API of a mirror in front of it. */
export class PairedReader {
  private constructor(
    private readonly name: string,
    readonly glance: GlanceClient,
    private readonly mirror: GlanceClient,
  ) {}

  static async as(cloud: Cloud, name: keyof Cloud['people'], { imageUrl }: Service): Promise<PairedReader> {
    const glance = await GlanceClient.as(cloud, cloud.people[name]);
    return new PairedReader(name, glance, new GlanceClient(imageUrl, glance.token));
  }

  /** Sends a request to both; returns Glance's response when the two are equal. */
  async read(target: string): Promise<GlanceResponse> {
    const [expected, actual] = await Promise.all([
      this.glance.call('GET', target),
      this.readFromMirror(target),
    ]);
    const form = ({ status, body }: GlanceResponse): object => ({
      request: `${this.name}: GET ${target}`,
      status,
      ...(status < 400 && { body: comparable(body) }),
    });
    expect(form(actual)).toEqual(form(expected));
    return expected;
  }

  /** Sends a request to the mirror alone, again where it is refused because the machine is busy. */
  async readFromMirror(target: string): Promise<GlanceResponse> {
    let response!: GlanceResponse;
    await until(async () => (response = await this.mirror.call('GET', target)).status !== 503);
    return response;
  }
}
