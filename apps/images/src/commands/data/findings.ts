import type { MissingObject, Orphan, StrayObject, WaitingImage, WrongUsage } from '@glimpse/store';

/** What a check found, as one line. */
export interface Finding {
  readonly kind: 'missing' | 'damaged' | 'orphan' | 'state' | 'usage';
  readonly text: string;
}

export function missingFinding({ id, image, bytes, found }: MissingObject): Finding {
  const object = `image ${image}: its object ${id}`;
  return found === null
    ? {
        kind: 'missing',
        text: `${object} of ${bytes} bytes is not in the store; restore it, or delete the image`,
      }
    : { kind: 'damaged', text: `${object} has ${found} bytes in the store instead of ${bytes}; restore it` };
}

export function orphanFinding({ id, bytes, modifiedAt }: Orphan): Finding {
  const date = modifiedAt.toISOString().slice(0, 10);
  return {
    kind: 'orphan',
    text: `object ${id} of ${bytes} bytes, of ${date}: the catalogue does not name it`,
  };
}

export function waitingFinding({ image, status }: WaitingImage): Finding {
  return { kind: 'state', text: `image ${image} is ${status}, but has no upload` };
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
