import { VISIBILITIES } from '@glimpse/domain';
import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
  type ApiQueryOptions,
} from '@nestjs/swagger';
import type { OperationName } from '../http/describe-read.js';
import { FaultDocument, UnauthenticatedDocument } from './documents.js';

/** The meaning of each status that faults have. */
const FAULTS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or its project is not the token’s.',
  403: 'Policy refuses it, or the image is not this identity’s to change, or the quota is reached.',
  404: 'There is no such thing, or it is not for this identity to see.',
  406: 'The microversion is out of range.',
  409: 'The image was changed too often meanwhile, or is not in a state for this.',
  412: 'The image is not in the state that `If-Match` names.',
  413: 'The body is too large.',
  415: 'The `Content-Type` is neither JSON nor `text/plain`.',
  503: 'The database, Keystone or the source is unavailable, or there are too many requests; `Retry-After` says when to retry.',
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

/** Describes a controller whose routes require a token and have microversions. */
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

/** Describes a change; one whose response has no body has no type. */
export function DescribeChange(operation: OperationName, type?: Type): MethodDecorator {
  return applyDecorators(
    ApiOperation(operation),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'The `ETag` that the image must still have.',
    }),
    type
      ? ApiResponse({ status: 200, description: 'What is there now.', type })
      : ApiResponse({ status: 204, description: 'Done.' }),
    type ? FaultResponses(403, 409, 412, 415) : FaultResponses(403, 409, 412),
  );
}

const WHOLE_NUMBER = { type: 'integer', minimum: 0 } as const;
const TEXT = { type: 'string' } as const;

const LIST_PARAMETERS: readonly ApiQueryOptions[] = [
  {
    name: 'limit',
    description: 'The most images of a page; 0 or more than 1000: 1000.',
    schema: WHOLE_NUMBER,
  },
  {
    name: 'marker',
    description: 'The id of the image that the page begins after.',
    schema: { type: 'string', format: 'uuid' },
  },
  { name: 'name', description: 'An exact name, or `in:` and several, separated by commas.', schema: TEXT },
  { name: 'status', description: 'A status as it is shown, or one of Glance’s.', schema: TEXT },
  { name: 'server', description: 'The id or URL of the server that an image was made from.', schema: TEXT },
  { name: 'type', description: 'The property `image_type`.', schema: TEXT },
  {
    name: 'changes-since',
    description: 'A time in any form of ISO 8601, in UTC unless it has an offset.',
    schema: TEXT,
    example: '2026-11-24T02:28:35Z',
  },
  { name: 'minRam', description: 'Exactly so many MiB.', schema: WHOLE_NUMBER },
  { name: 'minDisk', description: 'Exactly so many GiB.', schema: WHOLE_NUMBER },
  {
    name: 'properties',
    description:
      'Values of custom properties, each as a parameter of its own: `property-architecture=x86_64`.',
    style: 'form',
    explode: true,
    schema: { type: 'object', additionalProperties: { type: 'string' } },
  },
  {
    name: 'visibility',
    description: 'Beyond Nova: images of one visibility.',
    schema: { type: 'string', enum: [...VISIBILITIES] },
  },
  {
    name: 'search',
    description: 'Beyond Nova: at least three characters of the name, in any case.',
    schema: { type: 'string', minLength: 3 },
  },
];

/** Describes the parameters of a list, of which others are ignored, and that policy may refuse it. */
export function DescribeListParameters(): MethodDecorator {
  return applyDecorators(
    ...LIST_PARAMETERS.map((parameter) => ApiQuery({ required: false, ...parameter })),
    FaultResponses(403),
  );
}
