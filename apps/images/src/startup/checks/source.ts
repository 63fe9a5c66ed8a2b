import { SourceUnavailable } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import { loadImagePolicy } from '../../access/load-image-policy.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { glanceCertificates } from '../source.js';
import { checkProtections } from './check-protections.js';
import { checkSource } from './check-source.js';
import type { CheckedDependencies } from './checks.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';
import { examineHttpClock } from './http-clock.js';

/** Tests whether the source shows the service everything, accepts changes from here, and has the same policy. */
export async function examineSource({ settings, source, signal }: CheckedDependencies): Promise<Finding[]> {
  if (!source) return [skipped('source', 'the catalogue is its own')];
  try {
    const missingAccess = await source.missingReadAccess(signal);
    if (missingAccess !== undefined) return [failed('source', `${missingAccess}; see docs/glance.md`)];
    await source.newestChange(signal);
  } catch (error) {
    if (!(error instanceof SourceUnavailable)) throw error;
    return [failed('source', `it is unavailable: ${error.reason}; check GLIMPSE_GLANCE_URL and the catalog`)];
  }
  const { wrong, untested } = await checkSource(source, loadImagePolicy(settings), signal);
  const { hidden, untried } = await checkProtections(settings);
  return [
    ok('source', 'it shows the service every image'),
    ...wrong.map((text) => failed('source', text)),
    ...untested.map((text) => warning('source', text)),
    ...hidden.map((section) =>
      failed('source', `it hides the properties of [${section}] from the service's user; see docs/glance.md`),
    ),
    ...(untried === undefined ? [] : [warning('source', `what it hides is not known: ${untried}`)]),
    ...(await examineClock(source, settings)),
  ];
}

/** A source of another kind need not be an HTTP service. */
async function examineClock({ url }: ImageSource, settings: EffectiveSettings): Promise<Finding[]> {
  if (settings.source.use !== 'glance' || url === undefined) return [];
  const { connect_timeout: connectTimeout, timeout } = settings.glance;
  const reached = { url, ca: glanceCertificates(settings), connectTimeout, timeout };
  return [await examineHttpClock('clock of Glance', reached)];
}
