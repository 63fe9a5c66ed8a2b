import { MEMBER_STATUSES, VISIBILITIES } from '@glimpse/domain';
import { applyDecorators } from '@nestjs/common';
import { ApiQuery, type ApiQueryOptions } from '@nestjs/swagger';

const TEXT = { type: 'string' } as const;
const WHOLE_NUMBER = { type: 'integer' } as const;
const SEVERAL = { type: 'array', items: TEXT } as const;

const operators = (name: string): ApiQueryOptions => ({
  name,
  description:
    'An exact value; `eq:` and a value that has a colon; or `in:` and several, separated by commas.',
  schema: TEXT,
});

const range = (name: string): ApiQueryOptions[] => [
  { name, description: 'Exactly so many.', schema: WHOLE_NUMBER },
  { name: `${name}_min`, description: 'At least so many.', schema: WHOLE_NUMBER },
  { name: `${name}_max`, description: 'At most so many.', schema: WHOLE_NUMBER },
];

const time = (name: string): ApiQueryOptions => ({
  name,
  description: 'A time in ISO 8601, alone or after `gt:`, `gte:`, `lt:`, `lte:`, `eq:` or `neq:`.',
  schema: TEXT,
  example: 'gte:2026-11-24T02:28:35Z',
});

const exact = (name: string): ApiQueryOptions => ({ name, description: 'An exact value.', schema: TEXT });

const LIST_PARAMETERS: readonly ApiQueryOptions[] = [
  { name: 'limit', description: 'The most images of a page.', schema: { type: 'integer', minimum: 0 } },
  { name: 'marker', description: 'The id of the image that the page begins after.', schema: TEXT },
  { name: 'sort', description: 'Keys, each with `:asc` or `:desc`, separated by commas.', schema: TEXT },
  { name: 'sort_key', description: 'A key; repeated for several.', schema: SEVERAL },
  { name: 'sort_dir', description: '`asc` or `desc`: one for all keys, or one for each.', schema: SEVERAL },
  {
    name: 'name',
    description:
      'An exact name; `eq:` and a name that has a colon; `in:` and several, separated by commas; beyond Glance `contains:` and a part of the name, in any case.',
    schema: TEXT,
  },
  ...['id', 'status', 'disk_format', 'container_format'].map(operators),
  { name: 'tag', description: 'A tag; repeated for several, all of which an image has.', schema: SEVERAL },
  {
    name: 'visibility',
    description: 'Images of one visibility; `all` adds the community images of others.',
    schema: { type: 'string', enum: [...VISIBILITIES, 'all'] },
  },
  {
    name: 'member_status',
    description: 'The status of the membership of images that others share; `accepted` unless given.',
    schema: { type: 'string', enum: [...MEMBER_STATUSES, 'all'] },
  },
  { name: 'os_hidden', description: '`true`: only hidden images.', schema: TEXT },
  { name: 'protected', schema: { type: 'string', enum: ['true', 'false'] } },
  ...['owner', 'checksum', 'os_hash_algo', 'os_hash_value'].map(exact),
  ...['size', 'min_disk', 'min_ram', 'virtual_size'].flatMap(range),
  ...['created_at', 'updated_at'].map(time),
  {
    name: 'properties',
    description: 'Any other parameter is the exact value of a custom property: `os_distro=debian`.',
    style: 'form',
    explode: true,
    schema: { type: 'object', additionalProperties: TEXT },
  },
];

/** Describes the parameters of a list. */
export function DescribeListParameters(): MethodDecorator {
  return applyDecorators(...LIST_PARAMETERS.map((parameter) => ApiQuery({ required: false, ...parameter })));
}
