import { startCloud } from '../../harness/cloud.mjs';
import startDatabase from '../../harness/global-setup.mjs';

/** Starts the run's PostgreSQL and its Keystone; without one, every suite is skipped with the reason. */
export default async function setUp() {
  await Promise.all([startDatabase(), startCloud()]);
}
