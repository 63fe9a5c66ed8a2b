import { IMAGE_STATUSES, MEMBER_STATUSES, VISIBILITIES } from '@glimpse/domain';
import { ApiProperty, ApiPropertyOptional, ApiSchema, type ApiPropertyOptions } from '@nestjs/swagger';

/*
 * The forms of this API's responses, for the API description. The views compose the responses; the tests validate
 * every response against these forms.
 */

/** OpenAPI 3.1 has a type `null`, which the decorator's types lack. */
const orNull = (type: 'string' | 'integer', format?: string): ApiPropertyOptions =>
  ({ oneOf: [{ type, format }, { type: 'null' as 'string' }] }) as ApiPropertyOptions;

/** Custom properties are members of their own beside these. */
@ApiSchema({ description: 'An image; custom properties are further members, text or null.' })
export class ImageDocument {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(orNull('string'))
  name!: string | null;

  @ApiProperty({ enum: [...IMAGE_STATUSES] })
  status!: string;

  @ApiProperty({ enum: [...VISIBILITIES] })
  visibility!: string;

  @ApiProperty()
  os_hidden!: boolean;

  @ApiProperty()
  protected!: boolean;

  @ApiProperty(orNull('string'))
  owner!: string | null;

  @ApiProperty(orNull('integer'))
  size!: number | null;

  @ApiProperty(orNull('integer'))
  virtual_size!: number | null;

  @ApiProperty({ type: 'integer', description: 'GiB' })
  min_disk!: number;

  @ApiProperty({ type: 'integer', description: 'MiB' })
  min_ram!: number;

  @ApiProperty(orNull('string'))
  disk_format!: string | null;

  @ApiProperty(orNull('string'))
  container_format!: string | null;

  @ApiProperty(orNull('string'))
  checksum!: string | null;

  @ApiProperty(orNull('string'))
  os_hash_algo!: string | null;

  @ApiProperty(orNull('string'))
  os_hash_value!: string | null;

  @ApiProperty({ type: 'string', format: 'date-time' })
  created_at!: string;

  @ApiProperty(orNull('string', 'date-time'))
  updated_at!: string | null;

  @ApiProperty({ type: [String] })
  tags!: string[];

  @ApiProperty()
  self!: string;

  @ApiProperty()
  file!: string;

  @ApiProperty()
  schema!: string;

  @ApiProperty({ required: false, description: 'Where the data is, separated by commas.' })
  stores?: string;

  @ApiProperty({ required: false, description: 'With `image.show_direct_url`.' })
  direct_url?: string;

  @ApiProperty({
    required: false,
    description: 'With `image.show_locations`.',
    type: 'array',
    items: { type: 'object', additionalProperties: true },
  })
  locations?: object[];
}

export class ImageList {
  @ApiProperty({ type: [ImageDocument] })
  images!: ImageDocument[];

  @ApiProperty({ description: 'The first page, with the same parameters.' })
  first!: string;

  @ApiProperty({ required: false, description: 'The next page, if there may be one.' })
  next?: string;

  @ApiProperty()
  schema!: string;
}

@ApiSchema({ description: 'Every other member is a custom property.' })
export class NewImageDocument {
  @ApiProperty({ required: false, format: 'uuid', description: 'Left out: the service chooses one.' })
  id?: string;

  @ApiPropertyOptional(orNull('string'))
  name?: string | null;

  @ApiProperty({ required: false, enum: [...VISIBILITIES] })
  visibility?: string;

  @ApiPropertyOptional(orNull('string'))
  disk_format?: string | null;

  @ApiPropertyOptional(orNull('string'))
  container_format?: string | null;

  @ApiProperty({ type: 'integer', required: false, description: 'GiB' })
  min_disk?: number;

  @ApiProperty({ type: 'integer', required: false, description: 'MiB' })
  min_ram?: number;

  @ApiProperty({ required: false })
  protected?: boolean;

  @ApiProperty({ required: false })
  os_hidden?: boolean;

  @ApiPropertyOptional({ ...orNull('string'), description: 'Another project: by administrators.' })
  owner?: string | null;

  @ApiProperty({ required: false, type: [String] })
  tags?: string[];
}

@ApiSchema({ description: 'An operation of a JSON patch on one attribute or custom property.' })
export class PatchDocument {
  @ApiProperty({ enum: ['add', 'replace', 'remove'] })
  op!: string;

  @ApiProperty({ description: 'A JSON pointer of one token, such as `/name`.' })
  path!: string;

  @ApiProperty({ required: false, type: Object })
  value?: unknown;
}

export class NewMemberDocument {
  @ApiProperty({ description: 'The id of the project.' })
  member!: string;
}

export class MemberStatusDocument {
  @ApiProperty({ enum: [...MEMBER_STATUSES] })
  status!: string;
}

export class MemberDocument {
  @ApiProperty({ description: 'The id of the project.' })
  member_id!: string;

  @ApiProperty({ format: 'uuid' })
  image_id!: string;

  @ApiProperty({ enum: [...MEMBER_STATUSES] })
  status!: string;

  @ApiProperty(orNull('string', 'date-time'))
  created_at!: string | null;

  @ApiProperty(orNull('string', 'date-time'))
  updated_at!: string | null;

  @ApiProperty()
  schema!: string;
}

export class MemberList {
  @ApiProperty({ type: [MemberDocument] })
  members!: MemberDocument[];

  @ApiProperty()
  schema!: string;
}

@ApiSchema({ description: 'A JSON schema, as Glance publishes it.' })
export class SchemaDocument {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  properties!: object;
}

class ImportMethods {
  @ApiProperty()
  description!: string;

  @ApiProperty()
  type!: string;

  @ApiProperty({ type: [String] })
  value!: string[];
}

export class ImportMethodsDocument {
  @ApiProperty({ type: ImportMethods })
  'import-methods'!: ImportMethods;
}

export class StoresDocument {
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  stores!: object[];
}

class TaskInput {
  @ApiProperty({ format: 'uuid' })
  image_id!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What the body of the import says.',
  })
  import_req!: object;

  @ApiProperty({ type: [String], description: 'The stores of the import.' })
  backend!: string[];
}

class TaskDocument {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['api_image_import'] })
  type!: string;

  @ApiProperty({ enum: ['processing', 'success', 'failure'] })
  status!: string;

  @ApiProperty(orNull('string'))
  owner!: string | null;

  @ApiProperty(orNull('string'))
  expires_at!: string | null;

  @ApiProperty()
  created_at!: string;

  @ApiProperty()
  updated_at!: string;

  @ApiProperty(orNull('string'))
  deleted_at!: string | null;

  @ApiProperty()
  deleted!: boolean;

  @ApiProperty({ format: 'uuid' })
  image_id!: string;

  @ApiProperty()
  request_id!: string;

  @ApiProperty()
  user_id!: string;

  @ApiProperty({ type: TaskInput })
  input!: TaskInput;

  @ApiProperty({ oneOf: [{ type: 'object', additionalProperties: true }, { type: 'null' as 'string' }] })
  result!: object | null;

  @ApiProperty()
  message!: string;
}

export class TaskList {
  @ApiProperty({ type: [TaskDocument] })
  tasks!: TaskDocument[];
}

class ErrorDocument {
  @ApiProperty({ type: 'integer' })
  code!: number;

  @ApiProperty()
  title!: string;

  @ApiProperty()
  message!: string;
}

export class FaultDocument {
  @ApiProperty({ type: ErrorDocument })
  error!: ErrorDocument;
}
