import {
  ChangeConflict,
  DomainError,
  LimitExceeded,
  PROPERTY_QUOTA,
  TAG_QUOTA,
  VersionLost,
  compareCodePoints,
  countedProperties,
  type EditableAttributes,
  type Identity,
  type Image,
  type ImageEditor,
  type NewImage,
} from '@glimpse/domain';
import { ChangeQueue } from './change-queue.js';
import type { ImageAccess } from './image-access.js';
import type { CallerPermissions } from './permissions.js';

/** How often a change is made again because other replicas changed the image in between. */
const MAX_ATTEMPTS = 20;

/** Only an administrator creates images of other projects, or gives an image to another one. */
export class OwnerRefused extends DomainError {
  readonly code = 'owner-refused';
}

/** The image is not in a status that allows the change. */
export class WrongStatus extends DomainError {
  readonly code = 'wrong-status';
}

/** What a client gives of an image that it creates. */
export type ImageDraft = Partial<NewImage>;

/** Whether an image is changed: the attributes to set, of the image as the caller reads it. */
export type Edit = (image: Image) => Partial<EditableAttributes>;

/** How an edit is authorized. */
export interface EditOptions {
  /** The policy rule; `modify_image` if left out. */
  readonly rule?: string;
  /** Requires that the image is in the state that the client names; then a change in between is an error. */
  readonly precondition?: ((image: Image) => void) | undefined;
}

/** The rule that lets a caller give images a visibility. */
const VISIBILITY_RULES: Partial<Record<Image['visibility'], string>> = {
  public: 'publicize_image',
  community: 'communitize_image',
};

/** The changes of images in a catalogue of its own, as far as a caller may make them, with Glance's rules and limits. */
export class ImageChanges {
  readonly #queue = new ChangeQueue();

  constructor(
    private readonly access: ImageAccess,
    private readonly editor: ImageEditor,
  ) {}

  /**
   * Creates an image, for the caller's project unless an administrator names another one.
   *
   * @throws {OwnerRefused} {PolicyRefused} {PropertyProtected} {LimitExceeded}, and as `ImageEditor.create`
   */
  async create(draft: ImageDraft, caller: Identity): Promise<Image> {
    const permissions = this.access.permissionsOf(caller);
    const { project, admin } = permissions.viewer;
    const { owner = project } = draft;
    // An image without an owner is every project's to see.
    if ((owner !== project || owner === null) && !admin) {
      throw new OwnerRefused(`You are not permitted to create images owned by ${JSON.stringify(owner)}.`);
    }
    const image: NewImage = { ...DEFAULTS, ...draft, owner: noneIfEmpty(owner) };
    const target = asImage(image);
    permissions.enforce('add_image', target);
    enforceVisibility(permissions, target.visibility, target);
    const { properties } = image;
    permissions.view?.checkChange(target.id, { kind: 'merge', properties: properties as Texts }, {});
    requireWithinQuotas(image);
    return this.editor.create({ ...image, tags: distinct(image.tags) });
  }

  /**
   * Changes attributes of an image.
   *
   * @returns the image after the change, as the caller reads it
   * @throws {NotOwner} {PolicyRefused} {OwnerRefused} {PropertyProtected} {LimitExceeded} {VersionLost}
   *   {ChangeConflict}, and as `ImageAccess.read`
   */
  edit(id: string, caller: Identity, edit: Edit, options: EditOptions = {}): Promise<Image> {
    return this.#queue.run(id, async () => {
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        try {
          return await this.#editOnce(id, caller, edit, options);
        } catch (error) {
          if (!(error instanceof VersionLost) || options.precondition) throw error;
        }
      }
      throw new ChangeConflict(id);
    });
  }

  async #editOnce(
    id: string,
    caller: Identity,
    edit: Edit,
    { rule = 'modify_image', precondition }: EditOptions,
  ): Promise<Image> {
    const { stored, image } = await this.access.readCurrent(id, caller);
    const permissions = this.access.permissionsOf(caller);
    permissions.enforceChange(rule, image);
    precondition?.(image);
    const edited = edit(image);
    // As in Glance, also where it is set to what it is.
    if ('owner' in edited && !permissions.viewer.admin) {
      throw new OwnerRefused("Owner can't be updated by non admin.");
    }
    if (edited.visibility !== undefined) enforceVisibility(permissions, edited.visibility, image);
    const all: Image = { ...image, ...edited };
    const wanted = { ...all, owner: noneIfEmpty(all.owner) };
    const { view } = permissions;
    view?.checkChange(
      image.id,
      { kind: 'replace', properties: wanted.properties as Texts },
      image.properties,
    );
    const hidden = Object.entries(stored.properties).filter(
      ([name]) => !Object.hasOwn(image.properties, name),
    );
    const properties = { ...Object.fromEntries(hidden), ...wanted.properties };
    requireWithinQuotas({ ...wanted, properties });
    const after = { ...wanted, properties, tags: distinct(wanted.tags) };
    const result = isSame(stored, after) ? stored : await this.editor.edit(stored, after);
    return view ? { ...result, properties: view.readable(result.properties) } : result;
  }
}

/** An empty owner is none, as in Glance. */
function noneIfEmpty(owner: string | null): string | null {
  return owner === '' ? null : owner;
}

/** @throws {PolicyRefused} the caller may not give images this visibility */
function enforceVisibility(
  permissions: CallerPermissions,
  visibility: Image['visibility'],
  image: Image,
): void {
  const rule = VISIBILITY_RULES[visibility];
  if (rule) permissions.enforce(rule, image);
}

/** Property protections do not depend on values, which may be null. */
type Texts = Readonly<Record<string, string>>;

const DEFAULTS: Omit<NewImage, 'owner'> = {
  name: null,
  visibility: 'shared',
  hidden: false,
  protected: false,
  minDisk: 0,
  minRam: 0,
  diskFormat: null,
  containerFormat: null,
  tags: [],
  properties: {},
};

/** An image that does not exist yet, as policy rules see it. */
function asImage(image: NewImage): Image {
  const none = { size: null, virtualSize: null, checksum: null, hashAlgorithm: null, hashValue: null };
  return {
    ...{
      ...none,
      locations: null,
      version: 0n,
      attributesCurrent: true,
      status: 'queued',
      members: new Map(),
    },
    ...{ createdAt: new Date(), updatedAt: new Date() },
    ...{ ...image, id: image.id ?? '', shownId: image.id ?? '' },
  };
}

function requireWithinQuotas({ properties, tags }: Pick<Image, 'properties' | 'tags'>): void {
  const counted = countedProperties(properties);
  if (counted > PROPERTY_QUOTA) throw new LimitExceeded('properties', counted, PROPERTY_QUOTA);
  // As Glance does, before duplicates are removed.
  if (tags.length > TAG_QUOTA) throw new LimitExceeded('tags', tags.length, TAG_QUOTA);
}

function distinct(tags: readonly string[]): string[] {
  return [...new Set(tags)].sort(compareCodePoints);
}

function isSame(one: Image, other: Image): boolean {
  const text = ({ properties, ...rest }: Image): string =>
    JSON.stringify([{ ...rest, version: 0, members: 0 }, Object.entries(properties).sort()]);
  return text(one) === text(other);
}
