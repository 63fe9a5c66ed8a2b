import { until } from '@glimpse/domain/testing';
import { expect } from '@jest/globals';
import type { Service } from '../../harness/service.js';
import type { Cloud } from '../../keystone/harness/cloud.js';
import { comparable } from './comparable.js';
import { GlanceClient, type GlanceResponse } from './glance-client.js';
import { Reader } from './reader.js';

/** How long a replica may take to show a change that was made through another one. */
const CATCH_UP_MS = 10_000;

/** A caller's clients of Glance, and of both APIs of each replica of a mirror. */
export class Caller {
  private constructor(
    private readonly name: string,
    readonly glance: GlanceClient,
    readonly image: readonly GlanceClient[],
    readonly compute: readonly Reader[],
  ) {}

  static async as(cloud: Cloud, name: keyof Cloud['people'], replicas: readonly Service[]): Promise<Caller> {
    const glance = await GlanceClient.as(cloud, cloud.people[name]);
    const { token } = glance;
    return new Caller(
      name,
      glance,
      replicas.map(({ imageUrl }) => new GlanceClient(imageUrl, token)),
      replicas.map((service) => new Reader(service, token)),
    );
  }

  /** Compares what a replica shows of an image with what Glance does. */
  async expectSameImage(id: string, at: number): Promise<void> {
    for (const target of [`/v2/images/${id}`, `/v2/images/${id}/members`]) {
      const expected = await this.glance.call('GET', target);
      const actual = await this.image[at]!.call('GET', target);
      const form = ({ status, body }: GlanceResponse): object => ({
        request: `${this.name}: GET ${target} at ${at}`,
        // How long ago the last sync was is no matter of changes.
        status: status === 203 ? 200 : status,
        ...(status < 300 && { body: comparable(body) }),
      });
      expect(form(actual)).toEqual(form(expected));
    }
  }

  /** Compares the lists of a replica with those of Glance. */
  async expectSameLists(at: number): Promise<void> {
    const { name, glance } = this;
    for (const query of [
      'limit=1000',
      'limit=1000&visibility=all&member_status=all',
      'limit=1000&os_hidden=true',
    ]) {
      const listed = async (client: GlanceClient): Promise<unknown> =>
        comparable((await client.list(query)).sort((one, other) => (one.id < other.id ? -1 : 1)));
      expect({ name, query, images: await listed(this.image[at]!) }).toEqual({
        ...{ name, query },
        images: await listed(glance),
      });
    }
    const ids = (await glance.list('limit=1000')).map(({ id }) => id).sort();
    expect(await this.compute[at]!.listed()).toEqual(ids);
  }
}

/** Waits until every replica shows these callers what Glance shows them. */
export async function untilAllSame(callers: readonly Caller[], ids: readonly string[]): Promise<void> {
  for (const caller of callers) {
    for (const at of caller.image.keys()) {
      const isSame = async (): Promise<void> => {
        await caller.expectSameLists(at);
        for (const id of ids) await caller.expectSameImage(id, at);
      };
      await until(
        () =>
          isSame().then(
            () => true,
            () => false,
          ),
        CATCH_UP_MS,
      ).catch(isSame);
    }
  }
}
