import { applyDecorators, type Type } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse } from '@nestjs/swagger';

const VALIDATORS = {
  ETag: { description: 'A strong validator of the body.', schema: { type: 'string' } },
  'Last-Modified': { description: 'When the image last changed.', schema: { type: 'string' } },
} as const;

const AGE = {
  description: 'Seconds since the cached document was last known to be current.',
  schema: { type: 'integer' },
} as const;

/** The names of an operation, for programs and for people. */
export interface OperationName {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
}

/** What responses a read has besides its document. */
export interface ReadForms {
  /** It may be served from the cache during an outage. */
  readonly stale?: true;
  /** It has an `ETag` and `Last-Modified`, as a document about one image. */
  readonly validators?: true;
  /** It has an `ETag` alone. */
  readonly tag?: true;
}

/** Describes a read. */
export function DescribeRead(operation: OperationName, type: Type, forms: ReadForms = {}): MethodDecorator {
  const { ETag } = VALIDATORS;
  const validators = forms.validators ? VALIDATORS : forms.tag && { ETag };
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
    ...(forms.stale ? [ApiResponse(stale)] : []),
    ...(validators
      ? [ApiResponse({ status: 304, description: 'The client has it (`If-None-Match`).' })]
      : []),
  );
}

/** Describes the id in a path. */
export const DescribeImageId = (): MethodDecorator & ClassDecorator =>
  ApiParam({ name: 'image_id', schema: { type: 'string', format: 'uuid' } });
