import { startCloud } from '../../harness/cloud.mjs';
import startDatabase from '../../harness/global-setup.mjs';

/** Starts the run's PostgreSQL, Keystone, Glance and Nova; without those, every suite is skipped with the reason. */
export default async function setUp() {
  await Promise.all([startDatabase(), startCloud({ glance: true, nova: true })]);
}
