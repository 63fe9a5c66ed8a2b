import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { query } from '../harness/databases.js';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { Caller, untilAllSame } from './harness/caller.js';
import { describeWithGlance } from './harness/cloud.js';
import { emptyGlance } from './harness/glance-client.js';
import { signalGlance } from './harness/glance-process.js';
import { GlanceProxy } from './harness/glance-proxy.js';
import { Mirror } from './harness/mirror.js';

/** Neither an incremental nor a full sync comes in time to show what a replica should have. */
const RARELY = { GLIMPSE_SOURCE_INTERVAL: '60', GLIMPSE_SOURCE_ROUND: '86400' };
/** Less than until the next sync. */
const SHOWN_MS = 30_000;

function suite(cloud: Cloud): void {
  let proxy: GlanceProxy;
  let mirror: Mirror;
  let other: Service | undefined;

  beforeAll(async () => {
    await emptyGlance(cloud);
    proxy = await GlanceProxy.to(cloud.image);
    mirror = await Mirror.start(cloud, {
      ...RARELY,
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_GLANCE_URL: proxy.url,
    });
    other = await mirror.serve();
  }, 240_000);
  afterAll(async () => {
    signalGlance(cloud, 'SIGCONT');
    await Promise.all([other?.stop(), mirror?.stop()]);
    await proxy?.close();
  }, 30_000);

  /** A caller and an image of theirs, which every replica shows. */
  async function withImage(replicas: readonly Service[]): Promise<{ caller: Caller; id: string }> {
    const caller = await Caller.as(cloud, 'demo', replicas);
    for (const client of caller.image) {
      await until(async () => [200, 203].includes((await client.call('GET', '/v2/images')).status), 60_000);
    }
    const { id } = await caller.image[0]!.create({ name: 'lost' });
    await untilAllSame([caller], [id]);
    return { caller, id };
  }

  it('shows a deletion whose client left before Glance made it', async () => {
    const { caller, id } = await withImage([mirror.service, other!]);
    const { token } = caller.glance;
    signalGlance(cloud, 'SIGSTOP');
    const leaving = new AbortController();
    const request = fetch(`${mirror.service.imageUrl}/v2/images/${id}`, {
      method: 'DELETE',
      headers: { 'x-auth-token': token },
      signal: leaving.signal,
    });
    request.catch(() => undefined);
    await until(() => proxy.requests.includes(`DELETE /v2/images/${id}`));
    leaving.abort();
    await expect(request).rejects.toThrow();
    await until(async () => {
      const rows = await query(mirror.database, 'SELECT state FROM pending_changes');
      return rows.some(({ state }) => state !== 'sent');
    }, 60_000);
    signalGlance(cloud, 'SIGCONT');
    await until(async () => (await caller.glance.call('GET', `/v2/images/${id}`)).status === 404, 60_000);
    await until(
      async () => (await caller.image[1]!.call('GET', `/v2/images/${id}`)).status === 404,
      SHOWN_MS,
    );
    await untilAllSame([caller], [id]);
  }, 240_000);

  it('shows a change whose replica was killed between the response of Glance and the fetch', async () => {
    const { id } = await withImage([mirror.service, other!]);
    const caller = await Caller.as(cloud, 'demo', [mirror.service]);
    const far = await Caller.as(cloud, 'demo', [other!]);
    proxy.behave('hang', new RegExp(`^GET /v2/images/${id}`));
    const change = caller.image[0]!.patch(id, [{ op: 'add', path: '/mood', value: 'blue' }]);
    change.catch(() => undefined);
    await until(async () => (await caller.glance.show(id))['mood'] === 'blue', 60_000);
    await mirror.service.stop('SIGKILL');
    await expect(change).rejects.toThrow();
    proxy.behave('well');
    await until(async () => {
      const { body } = await far.image[0]!.call('GET', `/v2/images/${id}`);
      return (body as { mood?: string }).mood === 'blue';
    }, SHOWN_MS);
    await untilAllSame([far], [id]);
  }, 240_000);
}

describeWithGlance('changes through a mirror whose responses are lost', suite);
