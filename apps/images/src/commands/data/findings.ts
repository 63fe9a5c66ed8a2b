import type {
  MissingObject,
  Orphan,
  StrayObject,
  UnknownStoreObjects,
  WaitingImage,
  WrongUsage,
  WronglyShown,
} from '@glimpse/store';

export const FINDING_KINDS = ['missing', 'damaged', 'orphan', 'state', 'usage'] as const;

/** What a check found, as one line. */
export interface Finding {
  readonly kind: (typeof FINDING_KINDS)[number];
  readonly text: string;
}

/** A store in a finding. @param name undefined where there is one */
const shown = (name: string | undefined): string => (name === undefined ? 'the store' : `the store ${name}`);

const inStore = (name: string | undefined): string => (name === undefined ? '' : `, in the store ${name}`);

export function missingFinding(
  { id, image, bytes, found }: MissingObject,
  name: string | undefined,
): Finding {
  const object = `image ${image}: its object ${id}`;
  return found === null
    ? {
        kind: 'missing',
        text: `${object} of ${bytes} bytes is not in ${shown(name)}; restore it, or delete the image`,
      }
    : {
        kind: 'damaged',
        text: `${object} has ${found} bytes in ${shown(name)} instead of ${bytes}; restore it`,
      };
}

export function orphanFinding({ id, bytes, modifiedAt }: Orphan, name: string | undefined): Finding {
  const date = modifiedAt.toISOString().slice(0, 10);
  return {
    kind: 'orphan',
    text: `object ${id} of ${bytes} bytes, of ${date}${inStore(name)}: the catalogue does not name it`,
  };
}

export function partialFinding({ id, modifiedAt }: Orphan, name: string | undefined): Finding {
  const date = modifiedAt.toISOString().slice(0, 10);
  return {
    kind: 'orphan',
    text: `upload ${id} that did not end, of ${date}${inStore(name)}: the catalogue does not name it`,
  };
}

export function shownFinding({ image, shown, stored }: WronglyShown): Finding {
  return {
    kind: 'state',
    text: `image ${image} names the stores ${shown || 'none'}, its data is in ${stored}`,
  };
}

export function unknownStoreFinding({ store, count, image }: UnknownStoreObjects): Finding {
  const place = store === null ? 'the first store of the catalogue' : `the store ${store}`;
  return {
    kind: 'state',
    text: `${count} objects are in ${place}, which is not configured, such as that of image ${image}`,
  };
}

export function waitingFinding({ image, status }: WaitingImage): Finding {
  const isImport = status !== 'saving' && status !== 'uploading';
  const lacking = isImport ? 'its import does not run' : 'has no upload';
  return { kind: 'state', text: `image ${image} is ${status}, but ${lacking}` };
}

export function deletedFinding({ id, image }: { id: string; image: string }): Finding {
  return { kind: 'state', text: `object ${id} is still kept, but its image ${image} is deleted` };
}

export function strayFinding({ id, image, state, status }: StrayObject): Finding {
  const text =
    status === null
      ? `object ${id} is ${state}, but the catalogue has no image ${image}`
      : `object ${id} is ${state}, but its image ${image} is ${status}, or has other data`;
  return { kind: 'state', text };
}

export function usageFinding({ project, noted, sum }: WrongUsage): Finding {
  return { kind: 'usage', text: `project ${project}: ${noted} bytes are counted, its objects have ${sum}` };
}
