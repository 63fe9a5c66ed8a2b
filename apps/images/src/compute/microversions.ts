import { DomainError } from '@glimpse/domain';

/** The lowest microversion, which is the default of a request. */
export const MIN_MICROVERSION = '2.1';

const FORM = /^([1-9]\d*)\.([1-9]\d*|0)$/;

/** A microversion that is malformed. */
export class InvalidMicroversion extends DomainError {
  readonly code = 'invalid-microversion';

  constructor(text: string) {
    super(`API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`);
  }
}

/** A microversion that this service does not support. */
export class UnsupportedMicroversion extends DomainError {
  readonly code = 'unsupported-microversion';

  constructor(
    readonly microversion: string,
    max: string,
  ) {
    super(
      `Version ${microversion} is not supported by the API. ` +
        `Minimum is ${MIN_MICROVERSION} and maximum is ${max}.`,
    );
  }
}

function parts(microversion: string): [number, number] {
  const [, major, minor] = FORM.exec(microversion) ?? [];
  return [Number(major), Number(minor)];
}

/** Whether the first microversion comes after the second. */
export function isAfter(microversion: string, other: string): boolean {
  const [major, minor] = parts(microversion);
  const [otherMajor, otherMinor] = parts(other);
  return major > otherMajor || (major === otherMajor && minor > otherMinor);
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function text(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/**
 * The version that a request names. `OpenStack-API-Version` names services and wins over Nova's own header; of
 * several entries the last one counts, and an entry without a version is ignored.
 *
 * @see {@link https://specs.openstack.org/openstack/api-sig/guidelines/microversion_specification.html}
 */
function requested(headers: Headers): string | undefined {
  const entries = text(headers, 'openstack-api-version')?.split(',').reverse() ?? [];
  for (const entry of entries) {
    const [service, ...version] = entry.trim().split(/\s+/);
    if (service!.toLowerCase() === 'compute' && version.length > 0) return version.join(' ');
  }
  return text(headers, 'x-openstack-nova-api-version')?.split(',').at(-1)?.trim();
}

/**
 * The microversion of a request.
 *
 * @param max the highest one of this service, which `latest` means
 * @throws {InvalidMicroversion}
 * @throws {UnsupportedMicroversion}
 */
export function negotiate(headers: Headers, max: string): string {
  const version = requested(headers) ?? MIN_MICROVERSION;
  if (version === MIN_MICROVERSION) return version;
  if (version === 'latest') return max;
  if (!FORM.test(version)) throw new InvalidMicroversion(version);
  if (isAfter(MIN_MICROVERSION, version) || isAfter(version, max)) {
    throw new UnsupportedMicroversion(version, max);
  }
  return version;
}
