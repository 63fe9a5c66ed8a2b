import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { RequestDurations } from './request-durations.js';

const observations = fc.array(
  fc.record({
    api: fc.constantFrom('compute', 'image'),
    route: fc.constantFrom('/v2.1/images/:image_id', 'none', '/with "quotes" and \\'),
    method: fc.constantFrom('GET', 'HEAD', 'PUT'),
    status: fc.constantFrom(200, 304, 503),
    seconds: fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(0.001, 0.5, 5)),
  }),
);

it('is what prom-client’s histogram would be', async () => {
  await fc.assert(
    fc.asyncProperty(observations, async (all) => {
      const [own, theirs] = [new Registry(), new Registry()];
      const durations = new RequestDurations(own);
      const histogram = new Histogram({
        name: 'glimpse_http_request_duration_seconds',
        help: 'Time from a request to the end of its response, by API, route, method and status.',
        labelNames: ['api', 'route', 'method', 'status'],
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
        registers: [theirs],
      });
      for (const { seconds, ...labels } of all) {
        durations.observe(labels, seconds);
        histogram.observe(labels, seconds);
      }
      const lines = async (registry: Registry): Promise<string[]> =>
        (await registry.metrics()).split('\n').sort();
      expect(await lines(own)).toEqual(await lines(theirs));
    }),
  );
});
