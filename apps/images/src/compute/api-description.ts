import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import { FaultDocument, UnauthenticatedDocument } from './documents.js';

const VALIDATORS = {
  ETag: { description: 'A strong validator of the body.', schema: { type: 'string' } },
  'Last-Modified': { description: 'When the image last changed.', schema: { type: 'string' } },
} as const;

const AGE = {
  description: 'Seconds since the copy was last known to be current.',
  schema: { type: 'integer' },
} as const;

/** What a fault's status means, wherever it can be. */
const FAULTS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or its project is not the token’s.',
  403: 'Visible, but not this identity’s to change, or policy refuses, or the quota is reached.',
  404: 'There is no such thing, or it is not for this identity to see.',
  406: 'The microversion is out of range.',
  412: 'The image is not in the state that `If-Match` names.',
  413: 'The body is too large.',
  503: 'What stands behind the service cannot be asked; `Retry-After` says when to ask again.',
};

function FaultResponses(...statuses: number[]): ClassDecorator & MethodDecorator {
  return applyDecorators(
    ApiExtraModels(...FaultDocument.models),
    ...statuses.map((status) =>
      ApiResponse({
        status,
        description: FAULTS[status]!,
        content: { 'application/json': { schema: FaultDocument.schema } },
      }),
    ),
  );
}

/** Describes a controller whose routes ask for a token and speak microversions. */
export function DescribeResource(tag: string): ClassDecorator {
  return applyDecorators(
    ApiTags(tag),
    ApiSecurity('token'),
    ApiHeader({
      name: 'OpenStack-API-Version',
      required: false,
      description: '`compute 2.N`; not under `/v2`.',
    }),
    ApiResponse({ status: 401, description: 'No valid token.', type: UnauthenticatedDocument }),
    FaultResponses(400, 404, 406, 413, 503),
  ) as ClassDecorator;
}

/** Describes a read. */
export function DescribeRead(summary: string, type: Type, { validators = false } = {}): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiResponse({
      status: 200,
      description: 'The document.',
      type,
      ...(validators && { headers: VALIDATORS }),
    }),
    ...(validators
      ? [
          ApiResponse({
            status: 203,
            description: 'The same from a copy, while the database cannot be asked; 200 by `stale.status`.',
            type,
            headers: { ...VALIDATORS, Age: AGE },
          }),
          ApiResponse({ status: 304, description: 'The client has it (`If-None-Match`).' }),
        ]
      : []),
  );
}

/** Describes a change; one that answers nothing has no type. */
export function DescribeChange(summary: string, type?: Type): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiHeader({ name: 'If-Match', required: false }),
    type
      ? ApiResponse({ status: 200, description: 'What is there now.', type })
      : ApiResponse({ status: 204, description: 'Done.' }),
    FaultResponses(403, 412),
  );
}

/** Describes the id in a path. */
export const DescribeImageId = (): MethodDecorator & ClassDecorator =>
  ApiParam({ name: 'image_id', schema: { type: 'string', format: 'uuid' } });

const LIST_PARAMETERS: Readonly<Record<string, string>> = {
  limit: 'The most images of a page; 0 or more than 1000: 1000.',
  marker: 'The id of the image that the page begins after.',
  name: 'An exact name, or `in:` and several, separated by commas.',
  status: 'A status as it is shown, or one of Glance’s.',
  server: 'The id or URL of the server that an image was made from.',
  type: 'The property `image_type`.',
  'changes-since': 'An ISO 8601 time.',
  minRam: 'Exactly so many MiB.',
  minDisk: 'Exactly so many GiB.',
  'property-{name}': 'A custom property’s value.',
  visibility: 'Beyond Nova: `public`, `community`, `shared` or `private`.',
  search: 'Beyond Nova: at least three characters of the name, in any case.',
};

/** Describes the parameters of a list; others are ignored. */
export function DescribeListParameters(): MethodDecorator {
  return applyDecorators(
    ...Object.entries(LIST_PARAMETERS).map(([name, description]) =>
      ApiQuery({ name, description, required: false, schema: { type: 'string' } }),
    ),
  );
}
