import { applyDecorators, type Type } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { FaultDocument } from './documents.js';

const VALIDATORS = {
  ETag: { description: 'A strong validator of the body.', schema: { type: 'string' } },
  'Last-Modified': { description: 'When the image last changed.', schema: { type: 'string' } },
} as const;

const AGE = {
  description: 'Seconds since the cached document was last known to be current.',
  schema: { type: 'integer' },
} as const;

/** The meaning of each status that faults have. */
const FAULTS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or a parameter has a value that is not allowed.',
  401: 'No valid token.',
  403: 'Policy refuses, or the image has no members.',
  404: 'There is no such thing, or it is not for this caller to see.',
  413: 'The body is too large.',
  503: 'The database, Keystone or the source is unavailable, or there are too many requests; `Retry-After` says when to retry.',
};

function faultResponses(...statuses: number[]): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ...statuses.map((status) => ApiResponse({ status, description: FAULTS[status]!, type: FaultDocument })),
  );
}

/** Describes a controller whose routes require a token. */
export function DescribeResource(tag: string): ClassDecorator {
  return applyDecorators(
    ApiTags(tag),
    ApiSecurity('token'),
    faultResponses(400, 401, 404, 413, 503),
  ) as ClassDecorator;
}

/** The names of an operation, for programs and for people. */
export interface OperationName {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
}

/**
 * Describes a read.
 *
 * @param forms `policy`: a rule may refuse it; `stale`: it may be served from the cache during an outage; `validators`:
 *   it has an `ETag`
 */
export function DescribeRead(
  operation: OperationName,
  type: Type,
  forms: { readonly policy?: true; readonly stale?: true; readonly validators?: true } = {},
): MethodDecorator {
  const validators = forms.validators ? VALIDATORS : undefined;
  const stale = {
    status: 203,
    description: 'The same from the cache, while the database is unavailable; 200 with `stale.status: 200`.',
    type,
    headers: { ...validators, Age: AGE },
  };
  return applyDecorators(
    ApiOperation(operation),
    ApiResponse({
      status: 200,
      description: 'The document.',
      type,
      ...(validators && { headers: validators }),
    }),
    ...(forms.policy ? [faultResponses(403)] : []),
    ...(forms.stale ? [ApiResponse(stale)] : []),
    ...(validators
      ? [ApiResponse({ status: 304, description: 'The client has it (`If-None-Match`).' })]
      : []),
  );
}

/** Describes the id in a path. */
export const DescribeImageId = (): MethodDecorator & ClassDecorator =>
  ApiParam({ name: 'image_id', schema: { type: 'string', format: 'uuid' } });

/** Describes the project of a member in a path. */
export const DescribeMemberId = (): MethodDecorator =>
  ApiParam({ name: 'member_id', schema: { type: 'string' } });
