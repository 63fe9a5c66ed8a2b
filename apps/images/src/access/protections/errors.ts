import { DomainError } from '@glimpse/domain';

/** A property protection file cannot be used. The message names file, line and section as far as they are known. */
export class ProtectionFileError extends Error {
  readonly code = 'protection-file-error';

  constructor(
    readonly file: string,
    readonly reason: string,
    place: { readonly line?: number; readonly section?: string } = {},
    options?: ErrorOptions,
  ) {
    const line = place.line === undefined ? '' : `, line ${place.line}`;
    const section = place.section === undefined ? '' : ` [${place.section}]:`;
    super(`property_protections.file ${file}${line}:${section} ${reason}`, options);
    this.name = 'ProtectionFileError';
  }
}

/** The caller may not create, update or delete one of the properties that a change names. */
export class PropertyProtected extends DomainError {
  readonly code = 'property-protected';

  constructor(
    readonly id: string,
    readonly property: string,
  ) {
    super(`property ${property} of image ${id} is protected`);
  }
}
