import { ApiProperty, getSchemaPath, type ApiPropertyOptions } from '@nestjs/swagger';

/*
 * The forms of this API's responses, for the API description. The views compose the responses; the tests validate
 * every response against these forms.
 */

export class LinkDocument {
  @ApiProperty({ enum: ['self', 'bookmark', 'alternate', 'next', 'describedby'] })
  rel!: string;

  @ApiProperty({ format: 'uri' })
  href!: string;

  @ApiProperty({ required: false, type: String })
  type?: string;
}

export class ServerDocument {
  @ApiProperty()
  id!: string;

  @ApiProperty({ type: [LinkDocument] })
  links!: LinkDocument[];
}

const METADATA = { type: 'object', additionalProperties: { type: 'string' } } as const;
/** OpenAPI 3.1 has a type `null`, which the decorator's types lack. */
const textOrNull = (format?: string): ApiPropertyOptions =>
  ({ oneOf: [{ type: 'string', format }, { type: 'null' as 'string' }] }) as ApiPropertyOptions;
const ID = { format: 'uuid' } as const;

export class BriefImage {
  @ApiProperty(ID)
  id!: string;

  @ApiProperty(textOrNull())
  name!: string | null;

  @ApiProperty({ type: [LinkDocument] })
  links!: LinkDocument[];
}

/** Extensions add attributes of their own. */
export class DetailedImage extends BriefImage {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'MiB' })
  minRam!: number;

  @ApiProperty({ type: 'integer', minimum: 0, description: 'GiB' })
  minDisk!: number;

  @ApiProperty(METADATA)
  metadata!: Record<string, string>;

  @ApiProperty({ type: 'string', format: 'date-time' })
  created!: string;

  @ApiProperty(textOrNull('date-time'))
  updated!: string | null;

  @ApiProperty({ enum: ['ACTIVE', 'SAVING', 'DELETED', 'ERROR', 'UNKNOWN'] })
  status!: string;

  @ApiProperty({ type: 'integer', enum: [0, 25, 50, 100] })
  progress!: number;

  @ApiProperty({ required: false, type: ServerDocument })
  server?: ServerDocument;

  @ApiProperty({
    required: false,
    name: 'OS-EXT-IMG-SIZE:size',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
    description: 'Bytes; 0 while unknown.',
  })
  size?: number | string;

  @ApiProperty({ required: false, name: 'OS-DCF:diskConfig', enum: ['AUTO', 'MANUAL'] })
  diskConfig?: string;
}

export class ImageDocument {
  @ApiProperty({ type: DetailedImage })
  image!: DetailedImage;
}

export class BriefList {
  @ApiProperty({ type: [BriefImage] })
  images!: BriefImage[];

  @ApiProperty({ required: false, type: [LinkDocument] })
  images_links?: LinkDocument[];
}

export class DetailedList {
  @ApiProperty({ type: [DetailedImage] })
  images!: DetailedImage[];

  @ApiProperty({ required: false, type: [LinkDocument] })
  images_links?: LinkDocument[];
}

export class MetadataDocument {
  @ApiProperty(METADATA)
  metadata!: Record<string, string>;
}

export class MetaDocument {
  @ApiProperty({ ...METADATA, minProperties: 1, maxProperties: 1 })
  meta!: Record<string, string>;
}

export class ExtensionAttributes {
  @ApiProperty()
  alias!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ type: [LinkDocument] })
  links!: LinkDocument[];

  @ApiProperty()
  name!: string;

  @ApiProperty()
  namespace!: string;

  @ApiProperty({ type: 'string', format: 'date-time' })
  updated!: string;
}

export class ExtensionDocument {
  @ApiProperty({ type: ExtensionAttributes })
  extension!: ExtensionAttributes;
}

export class ExtensionList {
  @ApiProperty({ type: [ExtensionAttributes] })
  extensions!: ExtensionAttributes[];
}

class Fault {
  @ApiProperty({ type: 'integer' })
  code!: number;

  @ApiProperty()
  message!: string;
}

/** `{"itemNotFound": {"code": 404, "message": "Image not found."}}`: one fault under its key. */
export class FaultDocument {
  static readonly models = [Fault];

  static get schema(): object {
    return {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: { $ref: getSchemaPath(Fault) },
    };
  }
}

class UnauthenticatedError {
  @ApiProperty({ type: 'integer', enum: [401] })
  code!: number;

  @ApiProperty()
  title!: string;

  @ApiProperty()
  message!: string;
}

export class UnauthenticatedDocument {
  @ApiProperty({ type: UnauthenticatedError })
  error!: UnauthenticatedError;
}
