import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Inject, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImageAccess } from '../../access/image-access.js';
import { ImageDocuments } from '../../http/image-documents.js';
import { readOptionsOf } from '../../http/read-options.js';
import { sendImageDocument } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { ImageDocument } from '../documents.js';
import { audienceOf, type Audience } from './image.view.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#show-image} */
@Controller('v2/images')
@DescribeResource('Images')
@UseGuards(AuthGuard)
export class ImageController {
  constructor(
    private readonly access: ImageAccess,
    private readonly documents: ImageDocuments<Audience>,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'showImage', summary: 'Show an image' }, ImageDocument, {
    stale: true,
    validators: true,
  })
  @DescribeImageId()
  @Get(':image_id')
  async show(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.access.read(id, caller, readOptionsOf(request));
    const audience = audienceOf(reading.value, this.access.permissionsOf(caller).viewer);
    const document = this.documents.of(reading.value, audience);
    sendImageDocument(reply, document, reading, this.settings.stale.status);
  }
}
