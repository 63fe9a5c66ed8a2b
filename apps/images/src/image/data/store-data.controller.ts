import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Body, Controller, Delete, HttpCode, Inject, Param, UseGuards } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { ImageImports } from '../../access/image-imports.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { API_DOCUMENTS, requireDocument, type ApiDocuments } from '../api-documents.js';
import { refuseBody } from '../no-body.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#delete-image-from-store} */
@Controller('v2/stores/:store_id/:image_id')
@DescribeResource('Image data')
@DescribeImageId()
@UseGuards(AuthGuard)
export class StoreDataController {
  constructor(
    private readonly imports: ImageImports,
    @Inject(API_DOCUMENTS) private readonly documents: ApiDocuments,
  ) {}

  @DescribeChange(
    { operationId: 'deleteImageFromStore', summary: 'Delete the data of an image from a store' },
    204,
    undefined,
    409,
  )
  @ApiParam({ name: 'store_id', schema: { type: 'string' } })
  @Delete()
  @HttpCode(204)
  async delete(
    @Param('store_id') store: string,
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    // Without several stores there is no such route, as in Glance.
    await requireDocument(this.documents, 'info/stores');
    refuseBody(body);
    await this.imports.deleteFromStore(store, id, caller);
  }
}
