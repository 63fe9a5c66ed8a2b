import { AuthGuard } from '@glimpse/auth/nestjs';
import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendDocument } from '../../http/send.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { API_DOCUMENTS, requireDocument, type ApiDocuments } from '../api-documents.js';
import { ImportMethodsDocument, StoresDocument } from '../documents.js';

/**
 * What the service offers for image data.
 *
 * @see {@link https://docs.openstack.org/api-ref/image/v2/#image-service-info-discovery}
 */
@Controller('v2/info')
@DescribeResource('Discovery')
@UseGuards(AuthGuard)
export class InfoController {
  constructor(@Inject(API_DOCUMENTS) private readonly documents: ApiDocuments) {}

  @DescribeRead({ operationId: 'listImportMethods', summary: 'List import methods' }, ImportMethodsDocument)
  @Get('import')
  async importMethods(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'info/import'));
  }

  @DescribeRead(
    { operationId: 'listStores', summary: 'List stores, where there are several' },
    StoresDocument,
  )
  @Get('stores')
  async stores(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'info/stores'));
  }
}
