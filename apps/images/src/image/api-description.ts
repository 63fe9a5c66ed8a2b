import { applyDecorators, type Type } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import {
  DescribeRead as DescribeAnyRead,
  type OperationName,
  type ReadForms,
} from '../http/describe-read.js';
import { FaultDocument } from './documents.js';

/** The meaning of each status that faults have. */
const FAULTS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or a parameter has a value that is not allowed.',
  401: 'No valid token.',
  403: 'Policy refuses, or the image, its attribute or its status does not allow it.',
  404: 'There is no such thing, or it is not for this caller to see.',
  409: 'There is such an image or member already, or the image is in use.',
  412: 'The image is not in the state that `If-Match` names.',
  413: 'The body is too large, or a limit of the image is reached.',
  415: 'The media type is none of `Accept-Patch`.',
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

/**
 * Describes a read.
 *
 * @param forms `policy`: a rule may refuse it
 */
export function DescribeRead(
  operation: OperationName,
  type: Type,
  { policy, ...forms }: ReadForms & { readonly policy?: true } = {},
): MethodDecorator {
  const read = DescribeAnyRead(operation, type, forms);
  return policy ? applyDecorators(read, faultResponses(403)) : read;
}

/** Describes a change. One whose response has no document has no type. */
export function DescribeChange(
  operation: OperationName,
  status: number,
  type?: Type,
  ...faults: number[]
): MethodDecorator {
  return applyDecorators(
    ApiOperation(operation),
    ApiResponse({ status, description: type ? 'The document.' : 'Done.', ...(type && { type }) }),
    faultResponses(403, ...faults),
  );
}

/** Describes the project of a member in a path. */
export const DescribeMemberId = (): MethodDecorator =>
  ApiParam({ name: 'member_id', schema: { type: 'string' } });
