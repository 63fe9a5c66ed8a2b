import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Inject, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImageAccess } from '../../access/image-access.js';
import { markStale, sendBytes } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { ImageList } from '../documents.js';
import { audienceOf, imageView } from './image.view.js';
import { DescribeListParameters } from './list-description.js';
import { readListQuery } from './list-query.js';
import { pageDocument } from './page-document.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#list-images} */
@Controller('v2/images')
@DescribeResource('Images')
@UseGuards(AuthGuard)
export class ImageListController {
  constructor(
    private readonly access: ImageAccess,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'listImages', summary: 'List images' }, ImageList, {
    policy: true,
    stale: true,
  })
  @DescribeListParameters()
  @Get()
  async list(
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image: shown, stale } = this.settings;
    const parameters = new URLSearchParams(/\?(.*)$/s.exec(request.url)?.[1]);
    const sizes = { usual: shown.page_size, most: shown.page_size_max };
    const page = await this.access.page(readListQuery(parameters, sizes), caller);
    const viewer = this.access.viewerOf(caller);
    if (page.age !== undefined) markStale(reply, page.age, stale.status);
    const document = pageDocument(page, parameters, (image) =>
      JSON.stringify(imageView(image, audienceOf(image, viewer), shown)),
    );
    sendBytes(reply, document);
  }
}
