import { AuthGuard } from '@glimpse/auth/nestjs';
import { Controller, Get, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendDocument } from '../../http/send.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { ImportMethodsDocument, StoresDocument } from '../documents.js';

/**
 * What a catalogue offers for image data: nothing, since it stores none.
 *
 * @see {@link https://docs.openstack.org/api-ref/image/v2/#image-service-info-discovery}
 */
@Controller('v2/info')
@DescribeResource('Discovery')
@UseGuards(AuthGuard)
export class InfoController {
  @DescribeRead({ operationId: 'listImportMethods', summary: 'List import methods' }, ImportMethodsDocument)
  @Get('import')
  importMethods(@Res() reply: FastifyReply): void {
    const methods = { description: 'Import methods available.', type: 'array', value: [] };
    sendDocument(reply, { 'import-methods': methods });
  }

  @DescribeRead({ operationId: 'listStores', summary: 'List stores' }, StoresDocument)
  @Get('stores')
  stores(@Res() reply: FastifyReply): void {
    sendDocument(reply, { stores: [] });
  }
}
