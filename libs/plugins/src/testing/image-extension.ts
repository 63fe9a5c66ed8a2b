import { IMAGE_STATUSES, VISIBILITIES, type Image } from '@glimpse/domain';
import { imageOf, membersOf } from '@glimpse/domain/testing';
import type { ImageExtension, Plugin } from '../contract.js';
import { attributesOf } from '../image-extension.js';
import { Findings, loaded } from './conformance.js';

/** An image for the tests of an extension, with whatever a test wants to be different. */
export function sampleImage(changes: Partial<Image> = {}): Image {
  return imageOf({
    name: 'debian-13',
    owner: '66c50f42ace742efaaf201e7ba0fe751',
    size: 74_185_822,
    minDisk: 2,
    minRam: 512,
    properties: { architecture: 'x86_64' },
    updatedAt: new Date('2026-01-02T00:00:00Z'),
    ...changes,
  });
}

/** Images at the edges of what a catalogue holds. */
const IMAGES: readonly Image[] = [
  sampleImage(),
  ...IMAGE_STATUSES.map((status) => sampleImage({ status })),
  ...VISIBILITIES.map((visibility) => sampleImage({ visibility })),
  sampleImage({ name: null, owner: null, size: null, updatedAt: null }),
  sampleImage({ name: '', size: 0, minDisk: 0, minRam: 0, properties: {} }),
  sampleImage({ name: 'x'.repeat(255), size: Number.MAX_SAFE_INTEGER, hidden: true, protected: true }),
  sampleImage({
    properties: { architecture: '', 日本語: 'イメージ', constructor: 'a', 'a"b\\c\n': '\u0000' },
  }),
  sampleImage({ properties: JSON.parse('{"__proto__": "a"}') as Record<string, string> }),
  sampleImage({ visibility: 'shared', members: membersOf({ p: 'accepted' }) }),
];

/** Strict mode makes a write to it an error. */
function frozen(image: Image): Image {
  return Object.freeze({ ...image, properties: Object.freeze({ ...image.properties }) });
}

/**
 * Holds an image extension against its contract: it loads with these options, describes itself, and adds, to
 * images of every kind, JSON attributes of its own, the same each time, without changing the image.
 * Call it from a test of any runner.
 *
 * @param plugin the default export of its module
 * @param options as configuration gives them
 * @throws {ConformanceError} with everything that is wrong
 *
 * @example
 * test('conforms', () => checkImageExtension(plugin, { as: 'id' }));
 */
export async function checkImageExtension(
  plugin: Plugin<'image-extension'>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const extension = await loaded('image-extension', plugin, options);
  const findings = new Findings();
  checkDescription(extension, findings);
  for (const image of IMAGES) await checkAttributes(extension, frozen(image), findings);
  findings.report();
}

function checkDescription({ alias, namespace, updated }: ImageExtension, findings: Findings): void {
  findings.expect(/^[\w.-]{1,255}$/.test(alias), `alias ${alias} must be letters, digits, ".", "-" and "_"`);
  findings.expect(URL.canParse(namespace), `namespace ${namespace} must be a URL`);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(updated) && !Number.isNaN(Date.parse(updated));
  findings.expect(time, `updated ${updated} must be a time such as 2026-01-01T00:00:00Z`);
}

async function checkAttributes(extension: ImageExtension, image: Image, findings: Findings): Promise<void> {
  const what = `attributes of an image that is ${image.status}, ${image.visibility} and of ${image.size} bytes`;
  await findings.try(what, () => {
    const attributes = attributesOf(extension, image);
    for (const name of Object.keys(attributes)) {
      findings.expect(
        name.startsWith(`${extension.alias}:`),
        `attribute ${name} must begin with ${extension.alias}:`,
      );
    }
    const again = JSON.stringify(attributesOf(extension, image));
    findings.expect(JSON.stringify(attributes) === again, `${what} differ from one time to the next`);
  });
}
