import type { Plugin } from '../contract.js';
import { Findings, loaded } from './conformance.js';
import { checkChanges } from './source-changes.js';
import { checkReading } from './source-reading.js';

/** The input of the checks. No other client may change the source in the meantime. */
export interface ImageSourceTrial {
  /** As configuration gives them. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The id of an image that it has, not protected. Its properties change, and in the end it is deleted. */
  readonly image: string;
  /** The token of a caller who may change it. */
  readonly token: string;
}

/**
 * Checks an image source against its contract: it loads, shows this service everything, has the same images in
 * its pages, by their ids and by when they changed, goes on behind an image that is gone, and does to an image what
 * a caller may make with their token, and nothing with another. Call it from a test of any runner, with a source that
 * has a few images, of which some are hidden.
 *
 * @param plugin the default export of its module
 * @throws {ConformanceError} with everything that is wrong
 *
 * @example
 * test('conforms', () => checkImageSource(plugin, { options: { url }, image: id, token: 'of the owner' }));
 */
export async function checkImageSource(
  plugin: Plugin<'image-source'>,
  trial: ImageSourceTrial,
): Promise<void> {
  const source = await loaded('image-source', plugin, trial.options ?? {});
  const findings = new Findings();
  await checkReading(source, findings);
  await checkChanges(source, findings, trial);
  findings.report();
}
