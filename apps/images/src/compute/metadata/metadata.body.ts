import { BASE_ATTRIBUTES, RESERVED_PREFIX, isStorable, pythonRepr, pythonStr } from '@glimpse/domain';
import { ValidateBy } from 'class-validator';

const KEY = /^[a-zA-Z0-9-_:. ]{1,255}$/;
const KEY_PATTERN = "'^[a-zA-Z0-9-_:. ]{1,255}$'";
const MAX_VALUE_CHARACTERS = 255;

function complaint(field: string, value: unknown, reason: string): string {
  return `Invalid input for field/attribute ${field}. Value: ${pythonStr(value)}. ${reason}`;
}

/** Why metadata is refused, with the messages of Nova's validation; undefined for valid metadata. */
function wrongMetadata(field: string, metadata: unknown, exactlyOne: boolean): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    return complaint(field, metadata, `${pythonRepr(metadata)} is not of type 'object'`);
  }
  const keys = Object.keys(metadata);
  if (exactlyOne && keys.length > 1) {
    return complaint(field, metadata, `${pythonRepr(metadata)} has too many properties`);
  }
  if (exactlyOne && keys.length === 0) {
    return complaint(field, metadata, `${pythonRepr(metadata)} does not have enough properties`);
  }
  const odd = keys.filter((key) => !KEY.test(key)).sort();
  if (odd.length > 0) {
    const names = odd.map((key) => pythonRepr(key)).join(', ');
    const verb = odd.length === 1 ? 'does' : 'do';
    return complaint(field, metadata, `${names} ${verb} not match any of the regexes: ${KEY_PATTERN}`);
  }
  const attribute = keys.find((key) => BASE_ATTRIBUTES.has(key) || key.startsWith(RESERVED_PREFIX));
  if (attribute !== undefined) {
    return complaint(field, metadata, `'${attribute}' is an attribute of the image and cannot be metadata`);
  }
  for (const [key, value] of Object.entries(metadata) as [string, unknown][]) {
    const wrong = wrongValue(value);
    if (wrong) return complaint(key, value, wrong);
  }
  return undefined;
}

function wrongValue(value: unknown): string | undefined {
  if (typeof value !== 'string') return `${pythonRepr(value)} is not of type 'string'`;
  if ([...value].length > MAX_VALUE_CHARACTERS) return `${pythonRepr(value)} is too long`;
  if (!isStorable(value)) return 'It holds a NUL or half of a surrogate pair';
  return undefined;
}

function IsMetadata({ exactlyOne = false } = {}): PropertyDecorator {
  return ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: (value, { property } = { property: '' } as never) =>
        wrongMetadata(property, value, exactlyOne) === undefined,
      defaultMessage: (args) => wrongMetadata(args!.property, args!.value, exactlyOne) ?? '',
    },
  });
}

/** The body that sets several items. */
export class MetadataBody {
  @IsMetadata()
  metadata: Readonly<Record<string, string>> = undefined!;
}

/** The body that sets the one item of its path. */
export class MetaBody {
  @IsMetadata({ exactlyOne: true })
  meta: Readonly<Record<string, string>> = undefined!;
}
