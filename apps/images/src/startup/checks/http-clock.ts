import { RequestFailed, createHttpClient, timeLimit } from '@glimpse/http-client';
import { clockFinding, skipped, type Finding } from './finding.js';

/** Most of what a version document has. */
const MAX_RESPONSE_BYTES = 1_048_576;

/** How a service is reached, with times in seconds. */
interface Reached {
  readonly url: string;
  readonly ca: string | undefined;
  readonly connectTimeout: number;
  readonly timeout: number;
}

/** Compares the clock here with the one of an HTTP service, by the `Date` of its response to a request without a token. */
export async function examineHttpClock(
  subject: string,
  { url, ca, connectTimeout, timeout }: Reached,
): Promise<Finding> {
  const send = createHttpClient({
    connectTimeoutMs: connectTimeout * 1_000,
    ca,
    maxResponseBytes: MAX_RESPONSE_BYTES,
  });
  const from = Date.now();
  try {
    const { sentAt } = await send({ method: 'GET', url, signal: timeLimit(timeout * 1_000) });
    if (sentAt === undefined) return skipped(subject, 'its responses have no Date');
    return clockFinding(subject, (sentAt.getTime() - from) / 1_000);
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    return skipped(subject, `unknown: ${error.reason}`);
  }
}
