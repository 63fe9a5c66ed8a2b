import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable, printable, type SourceDocumentName } from '@glimpse/domain';
import { compareCatalogues } from '@glimpse/mirror';
import { InvalidOptions } from '@glimpse/options';
import { type SourceQuery } from '@glimpse/plugins';
import type { StoredMirror } from '@glimpse/store';
import { loadImagePolicy } from '../../access/load-image-policy.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { checkProtections } from '../../startup/checks/check-protections.js';
import { checkDocuments, checkSource, type SourceFindings } from '../../startup/checks/check-source.js';
import { ShownLocations } from './shown-locations.js';
import { Telemetry } from '../../telemetry/telemetry.js';
import { withMirror } from './with-mirror.js';

/** How often a comparison repeats a failed read, and how long it waits before the second attempt. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 1_000;

/**
 * Compares all of the catalogue with all of the source, prints each difference, and tests whether the source accepts
 * changes from here, has the policy and the documents that are in effect here, and shows no more of where data is.
 *
 * @returns whether there is no difference and no failed test; a test that could not be made is not a failed one
 */
export async function check(settings: EffectiveSettings): Promise<boolean> {
  const policy = loadImagePolicy(settings);
  let differences = 0;
  let findings: readonly SourceFindings[] = [];
  const locations = new ShownLocations();
  const { hidden, untried: hiddenUntried } = await checkProtections(settings);
  await withMirror(settings, new Telemetry(settings.log), async (source, mirror) => {
    const missingAccess = await repeated(() => source.missingReadAccess());
    if (missingAccess !== undefined)
      throw new InvalidOptions([`the source cannot be compared with: ${missingAccess}`]);
    // It takes seconds, and the comparison need not wait for it.
    const checked = checkSource(source, policy);
    checked.catch(() => undefined);
    const reliable = {
      async page(query: SourceQuery) {
        const page = await repeated(() => source.page(query));
        locations.note(page.images);
        return page;
      },
      members: (id: string) => repeated(() => source.members(id)),
      ...(source.document && {
        document: (name: SourceDocumentName) => repeated(() => source.document!(name)),
      }),
    };
    const stored: Pick<StoredMirror, 'page'> = {
      page: (hidden, limit, after) => repeated(() => mirror.page(hidden, limit, after)),
    };
    const leftOut = new Set<string>();
    for await (const difference of compareCatalogues(reliable, stored, (line) => leftOut.add(line))) {
      differences++;
      console.log(printable(difference));
    }
    for (const line of leftOut)
      console.log(printable(`left out, because the catalogue cannot hold it: ${line}`));
    const kept = await repeated(() => mirror.facts());
    findings = [await checked, await checkDocuments(reliable, kept)];
  });
  const print = (text: string): void => console.log(printable(text));
  const wrong = [...findings.flatMap((finding) => finding.wrong), ...locations.hiddenBy(settings.image)];
  for (const line of [...wrong, ...findings.flatMap(({ untested }) => untested)]) print(line);
  for (const section of hidden) {
    print(
      `the mirror never has the properties of [${section}]: the service's user lacks the roles that may read them; ` +
        'see "What Glance hides" in docs/glance.md',
    );
  }
  if (hiddenUntried) print(`what Glance hides from the service's user is not known: ${hiddenUntried}`);
  console.log(differences === 0 ? 'no differences' : `${differences} differences`);
  return differences === 0 && wrong.length === 0 && hidden.length === 0;
}

/**
 * Retries a failed read: a transient failure must not end a comparison that runs for minutes.
 *
 * @throws as the last attempt
 */
async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable) || attempt === ATTEMPTS) throw error;
      await sleep(attempt * ATTEMPT_PAUSE_MS);
    }
  }
}
