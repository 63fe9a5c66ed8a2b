import { describeWithKeystone, type Cloud } from '../../keystone/harness/cloud.js';

/** A suite against the run's Glance; it is skipped, with the reason, where that or another package is missing. */
export function describeWithGlance(name: string, suite: (cloud: Cloud) => void, missing?: string): void {
  const glance = process.env['GLIMPSE_E2E_CLOUD'] === undefined ? 'glance-api' : undefined;
  describeWithKeystone(name, suite, glance ?? missing);
}
