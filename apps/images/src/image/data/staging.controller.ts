import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Body, Controller, HttpCode, Inject, Param, Post, Put, Req, UseGuards } from '@nestjs/common';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { DataAccess } from '../../access/image-data.js';
import { ImageImports } from '../../access/image-imports.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { importMethodsOf, readImportBody, storeNamesOf, type ImportContext } from './import-body.js';
import { OCTETS, STORE_HEADER, receiveData } from './receive-data.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import} */
@Controller('v2/images/:image_id')
@DescribeResource('Image data')
@DescribeImageId()
@UseGuards(AuthGuard)
export class StagingController {
  private readonly context: Omit<ImportContext, 'header'>;

  constructor(
    private readonly data: DataAccess,
    private readonly imports: ImageImports,
    @Inject(SETTINGS) { data: settings }: EffectiveSettings,
  ) {
    this.context = {
      methods: importMethodsOf(settings),
      known: storeNamesOf(settings),
      haveNames: settings.stores.length > 0,
    };
  }

  @DescribeChange(
    { operationId: 'stageImageData', summary: 'Stage the data of an image' },
    204,
    undefined,
    409,
  )
  @ApiConsumes(OCTETS)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @Put('stage')
  @HttpCode(204)
  async stage(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await receiveData(request, (data) => this.data.stage(id, caller, data));
  }

  @DescribeChange(
    { operationId: 'importImage', summary: 'Import staged data, or copy data to stores' },
    202,
    undefined,
    409,
  )
  @ApiBody({ schema: { type: 'object', example: { method: { name: 'glance-direct' } } } })
  @Post('import')
  @HttpCode(202)
  async import(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const header = request.headers[STORE_HEADER] as string | undefined;
    const read = readImportBody(body, { ...this.context, header });
    await this.imports.import(id, caller, { ...read, requestId: request.id });
  }
}
