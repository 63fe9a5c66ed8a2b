import type { SourceImage, SourceMembers } from '@glimpse/domain';
import { BadDocument, membersOf, readImageDocument, readMemberDocuments } from '@glimpse/glance';
import { importImages, importMembers, orUnavailable, type Database } from '@glimpse/store';
import { Batch } from './batch.js';
import { foreignDocument } from './foreign-document.js';
import { readDocuments, type DocumentReading } from './read-documents.js';
import { UnreadableInput } from './unreadable-input.js';

/** The progress of an import. */
export interface ImportCounts {
  /** Images that were imported: those added, changed and unchanged. */
  readonly images: number;
  readonly added: number;
  readonly changed: number;
  /** Equal to what the catalogue had, or older than it. */
  readonly unchanged: number;
  /** Memberships that were imported. */
  readonly members: number;
  /** Documents that could not be imported, each reported to `onBad`. */
  readonly bad: number;
}

export interface ImportOptions {
  /** Whether an image replaces one that changed later. */
  readonly force: boolean;
  /** Called for each document that is not imported, with the reason in one line. */
  onBad(message: string): void;
  /** Called with the counts after each statement. */
  onProgress(counts: ImportCounts): void;
}

/**
 * Imports Glance's documents into the catalogue, in the shapes that `readDocuments` accepts. An image that was
 * imported before is left unchanged, so an interrupted import can be repeated. A bad document is reported and left
 * out; so is everything from where the input is unreadable.
 *
 * Members stand in a list of their own, or as the array `members` of an image's document, and are written after the
 * images they belong to. Where an input has them first they are held in memory until its
 * end; otherwise memory does not grow with the input.
 *
 * @throws {DatabaseUnavailable}, and what the chunks throw
 *
 * @example
 * await importCatalogue(database.pool, createReadStream('images.json'), {
 *   force: false,
 *   onBad: (message) => console.error(message),
 *   onProgress: (counts) => console.error(counts.images),
 * });
 */
export async function importCatalogue(
  pool: Database['pool'],
  chunks: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportCounts> {
  const client = await orUnavailable(() => pool.connect());
  // A connection lost between two statements emits this event, and the next statement fails. Without a listener the
  // event would end the process.
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let usable = false;
  try {
    const run = new ImportRun(client, options);
    await run.read(readDocuments(chunks));
    usable = true;
    return run.counts;
  } finally {
    // After a failure a statement may still run on the connection, so it does not return to the pool.
    client.release(!usable);
    if (usable) client.off('error', ignore);
  }
}

/** One import, on one connection. */
class ImportRun {
  readonly counts = { images: 0, added: 0, changed: 0, unchanged: 0, members: 0, bad: 0 };
  /** Members that came before any image, by image. */
  readonly #held = new Map<string, SourceMembers>();
  readonly #images: Batch<{ position: number; image: SourceImage }>;
  readonly #members: Batch<SourceMembers>;
  #anyImage = false;
  #foreign: string | undefined;

  constructor(
    private readonly client: Parameters<typeof importImages>[0],
    private readonly options: ImportOptions,
  ) {
    this.#images = new Batch(
      (rows) => this.#importImages(rows.map(({ image }) => image)),
      ({ position }, reason) => this.#bad(`image ${position}`, reason),
    );
    this.#members = new Batch(
      (rows) => this.#importMembers(rows),
      ({ imageId }, reason) => this.#bad(membersOf(imageId), reason),
    );
  }

  async read(readings: AsyncIterable<DocumentReading>): Promise<void> {
    try {
      for await (const reading of readings) await this.#import(reading);
    } catch (error) {
      if (!(error instanceof UnreadableInput)) throw error;
      this.#bad('the input is unreadable', error.message);
    }
    await this.#images.flush();
    for (const [imageId, members] of this.#held) await this.#members.add(imageId, members);
    await this.#members.flush();
  }

  async #import(reading: DocumentReading): Promise<void> {
    switch (reading.kind) {
      case 'image':
        return this.#addImage(reading.position, reading.document);
      case 'members':
        return this.#addMembers(reading.imageId, reading.document);
      case 'bad':
        return this.#bad(reading.subject, reading.reason);
    }
  }

  async #addImage(position: number, document: unknown): Promise<void> {
    this.#anyImage = true;
    const [attributes, members] = splitMembers(document);
    const image = this.#readOrReport(`image ${position}`, () => readImageDocument(attributes), document);
    if (!image) return;
    await this.#images.add(image.id, { position, image });
    if (members) await this.#addMembers(image.id, members);
  }

  async #addMembers(imageId: string, document: unknown): Promise<void> {
    const members = this.#readOrReport(membersOf(imageId), () => readMemberDocuments(imageId, document));
    if (!members) return;
    if (this.#anyImage) {
      this.#held.delete(members.imageId);
      await this.#members.add(members.imageId, members);
    } else this.#held.set(members.imageId, members);
  }

  #readOrReport<Imported>(subject: string, read: () => Imported, document?: unknown): Imported | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof BadDocument)) throw error;
      this.#bad(subject, error.message + this.#hintAt(document));
      return undefined;
    }
  }

  /** Explains, once for each kind of foreign document, what can be imported instead. */
  #hintAt(document: unknown): string {
    const foreign = foreignDocument(document);
    if (foreign === undefined || foreign === this.#foreign) return '';
    this.#foreign = foreign;
    return `; this is ${foreign}: import the documents of GET /v2/images, as docs/import.md shows`;
  }

  async #importImages(images: readonly SourceImage[]): Promise<void> {
    const { added, changed, unchanged } = await importImages(this.client, images, this.options.force);
    this.counts.images += images.length;
    this.counts.added += added;
    this.counts.changed += changed;
    this.counts.unchanged += unchanged;
    this.options.onProgress({ ...this.counts });
  }

  async #importMembers(batch: readonly SourceMembers[]): Promise<void> {
    // Members refer to images, which may wait in their own batch.
    await this.#images.flush();
    const unknown = new Set(await importMembers(this.client, batch));
    for (const { imageId, members } of batch) {
      if (unknown.has(imageId)) this.#bad(membersOf(imageId), 'the catalogue has no such image');
      else this.counts.members += members.size;
    }
    this.options.onProgress({ ...this.counts });
  }

  #bad(subject: string, reason: string): void {
    this.counts.bad++;
    this.options.onBad(`${subject}: ${reason}`);
  }
}

/** The document of an image without the array of its members; as a property `members` would be text. */
function splitMembers(document: unknown): [attributes: unknown, members?: readonly unknown[]] {
  const { members, ...attributes } = (document ?? {}) as { members?: unknown };
  return Array.isArray(members) ? [attributes, members as unknown[]] : [document];
}
