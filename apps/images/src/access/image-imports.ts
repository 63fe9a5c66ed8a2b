import { randomUUID } from 'node:crypto';
import { projectOf, type Identity, type Image } from '@glimpse/domain';
import type { ImportRecord, ImportRequester, ImportedObject, StoredImageObjects } from '@glimpse/store';
import { Overloaded } from '../http/overload.js';
import type { DataSettings } from '../settings/data.js';
import {
  AlreadyStored,
  NoStore,
  NotActive,
  NotInStore,
  NotStaged,
  NothingToCopy,
  OnlyStore,
  OperationInProgress,
  StorageQuotaExceeded,
  StoreNotAvailable,
} from './data-errors.js';
import type { ImageAccess } from './image-access.js';
import { requireFormats } from './image-data.js';
import type { OwnStores } from './own-stores.js';
import { RunningImport, type ImportFault, type ImportSource } from './running-import.js';
import { quotaBytesOf } from './upload-quota.js';

/** How an import is to be made. */
export interface ImportRequest {
  readonly method: 'glance-direct' | 'copy-image';
  /** Undefined: to the default store. */
  readonly stores: readonly string[] | 'all' | undefined;
  /** Whether the import fails with the first store that does. */
  readonly allMustSucceed: boolean;
  /** The members of the body that say so. */
  readonly document: object;
  /** The id of the request. */
  readonly requestId: string;
}

/** An import that was checked. */
interface CheckedImport {
  readonly image: Image;
  readonly status: 'uploading' | 'active';
  readonly stores: readonly string[];
  readonly source: ImportSource;
  readonly caller: Identity;
  readonly request: ImportRequest;
}

/** The imports of image data to one store or several, as a caller may make them. */
export class ImageImports {
  readonly #running = new Map<RunningImport, Promise<void>>();

  /**
   * @param stores undefined where no store is configured
   * @param onFault called with each store that an import could not copy to
   */
  constructor(
    private readonly access: ImageAccess,
    private readonly objects: StoredImageObjects,
    private readonly stores: OwnStores | undefined,
    private readonly settings: Pick<DataSettings, 'project_quota'>,
    private readonly onFault: (fault: ImportFault) => void,
  ) {}

  /**
   * Makes an image active with its staged data, or copies the data of an active image to further stores. Where bytes are
   * to be copied that goes on after this resolves.
   *
   * @throws {NoStore} {UnknownStore} {NotStaged} {NotActive} {FormatsMissing} {NotOwner} {PolicyRefused} {AlreadyStored}
   *   {NothingToCopy} {OperationInProgress} {StorageQuotaExceeded} {Overloaded}, and as `ImageAccess.read`
   */
  async import(id: string, caller: Identity, request: ImportRequest): Promise<void> {
    const { stores } = this;
    if (!stores) throw new NoStore();
    const { stores: wanted = [stores.default.shownName] } = request;
    const names = wanted === 'all' ? stores.shownNames : [...new Set(wanted)];
    for (const name of names) stores.named(name);
    const { image } = await this.access.readCurrent(id, caller);
    if (request.method === 'copy-image') await this.#copy(image, caller, names, request, stores);
    else await this.#importStaged(image, caller, names, request, stores);
  }

  async #importStaged(
    image: Image,
    caller: Identity,
    names: readonly string[],
    request: ImportRequest,
    stores: OwnStores,
  ): Promise<void> {
    // As in Glance the status comes before policy here.
    if (image.status !== 'uploading') throw new NotStaged();
    this.access.permissionsOf(caller).enforceChange('modify_image', image);
    requireFormats(image);
    const staged = stores.haveNames ? await this.objects.imports.staged(image.id) : undefined;
    const place = staged?.store ?? stores.default.shownName;
    if (names.every((name) => name === place)) {
      const started = { image: image.id, id: randomUUID() };
      const store = { name: place, hasName: stores.haveNames };
      const imported = await this.objects.imports.importStaged(started, store, requesterOf(caller, request));
      if (!imported) throw new NotStaged();
      return;
    }
    if (!staged) throw new NotStaged();
    const { size, hash } = staged;
    const source = {
      ...{ size, hash, staged: { id: staged.id, store: place } },
      copies: [{ id: staged.id, store: stores.named(place) }],
    };
    await this.#begin({ image, caller, status: 'uploading', stores: names, source, request }, stores);
  }

  async #copy(
    image: Image,
    caller: Identity,
    names: readonly string[],
    request: ImportRequest,
    stores: OwnStores,
  ): Promise<void> {
    if (image.status !== 'active') throw new NotActive(image.shownId, image.status);
    this.access.permissionsOf(caller).enforce('copy_image', image);
    const stored = await stores.copiesOf(image.id, this.objects);
    if (!stored) throw new NothingToCopy(image.shownId);
    const hasIt = (name: string): boolean => stored.copies.some(({ store }) => store.name === name);
    const present = names.find(hasIt);
    if (present !== undefined && request.stores !== 'all') throw new AlreadyStored(present);
    const missing = names.filter((name) => !hasIt(name));
    if (missing.length === 0) return;
    const source = { ...stored, hash: image.hashValue, staged: undefined };
    await this.#begin({ image, caller, status: 'active', stores: missing, source, request }, stores);
  }

  async #begin(checked: CheckedImport, stores: OwnStores): Promise<void> {
    const { image, caller, status, stores: names, source, request } = checked;
    if (this.#running.size >= stores.default.maxUploads) throw new Overloaded();
    const objects = objectsOf(names, source);
    const started = { image: image.id, id: randomUUID() };
    const quota = quotaBytesOf(this.settings);
    const { size } = source;
    const requester = requesterOf(caller, request);
    const begun = await this.objects.imports.begin(
      { ...started, status, stores: names, objects, size, requester },
      quota,
    );
    if (!begun) throw new OperationInProgress(image.shownId);
    if (!begun.begun) throw new StorageQuotaExceeded(size * objects.length, begun.remaining);
    const isAdopted = source.staged !== undefined && names.includes(source.staged.store);
    const run = new RunningImport(this.objects.imports, stores, {
      ...{ ...started, objects, source, allMustSucceed: request.allMustSucceed, adopts: isAdopted },
    });
    const ended = run.run(this.onFault).finally(() => this.#running.delete(run));
    this.#running.set(run, ended);
  }

  /**
   * The imports of an image that the caller's project began, or all of them for an administrator.
   *
   * @throws as `ImageAccess.read`
   */
  async of(id: string, caller: Identity): Promise<{ image: Image; imports: ImportRecord[] }> {
    const { image } = await this.access.readCurrent(id, caller);
    const { viewer } = this.access.permissionsOf(caller);
    const imports = await this.objects.imports.ofImage(image.id);
    return {
      image,
      imports: imports.filter(
        ({ project }) => viewer.admin || project === null || project === viewer.project,
      ),
    };
  }

  /**
   * Deletes the data of an active image from one of its stores.
   *
   * @throws {StoreNotAvailable} {PolicyRefused} {NotActive} {OnlyStore} {NotInStore}, and as `ImageAccess.read`
   */
  async deleteFromStore(store: string, id: string, caller: Identity): Promise<void> {
    if (!this.stores?.shownNames.includes(store)) throw new StoreNotAvailable(store);
    const { image } = await this.access.readCurrent(id, caller);
    const permissions = this.access.permissionsOf(caller);
    permissions.enforce('get_image_location', image);
    permissions.enforce('delete_image_location', image);
    if (image.status !== 'active') throw new NotActive(image.shownId, image.status);
    if (await this.objects.imports.deleteFromStore(image.id, store)) return;
    const stored = await this.stores.copiesOf(image.id, this.objects);
    const isOnly = (stored?.copies.length ?? 0) < 2;
    throw isOnly ? new OnlyStore() : new NotInStore(image.shownId, store);
  }

  /** Ends all imports that copy bytes; what they have not copied has failed. */
  end(): void {
    for (const run of this.#running.keys()) run.end();
  }

  /** Resolves once each of them has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }
}

/**
 * The objects that an import writes. Staged data that stays in none of the stores goes with the import: its bytes in the
 * quota are those of the first object.
 */
function objectsOf(names: readonly string[], { size, staged }: ImportSource): ImportedObject[] {
  const moves = staged !== undefined && !names.includes(staged.store);
  return names
    .filter((name) => name !== staged?.store)
    .map((store, at) => ({ id: randomUUID(), store, bytes: moves && at === 0 ? 0 : size }));
}

const requesterOf = (caller: Identity, { document, requestId }: ImportRequest): ImportRequester => ({
  ...{ project: projectOf(caller), userId: caller.userId, requestId, request: document },
});
