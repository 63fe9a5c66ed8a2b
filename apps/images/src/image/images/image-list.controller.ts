import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Inject, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImageAccess } from '../../access/image-access.js';
import { ListDocuments, type ComposedPage } from '../../access/list-documents.js';
import { queryOf } from '../../http/path.js';
import { readOptionsOf } from '../../http/read-options.js';
import { sendPage } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { ImageList } from '../documents.js';
import { audienceOf, imageView } from './image.view.js';
import { listAddress } from './list-address.js';
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
    private readonly lists: ListDocuments,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'listImages', summary: 'List images' }, ImageList, {
    policy: true,
    stale: true,
    tag: true,
  })
  @DescribeListParameters()
  @Get()
  async list(
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image: shown, stale } = this.settings;
    const parameters = new URLSearchParams(queryOf(request.raw));
    const sizes = { usual: shown.page_size, most: shown.page_size_max };
    const criteria = readListQuery(parameters, sizes);
    const { viewer } = this.access.permissionsOf(caller);
    const compose = async (): Promise<ComposedPage> => {
      const page = await this.access.lists.page(criteria, caller);
      const document = await pageDocument(page, parameters, (image) =>
        JSON.stringify(imageView(image, audienceOf(image, viewer), shown)),
      );
      return { document, age: page.age };
    };
    const page = await this.lists.read(listAddress(request.raw), caller, compose, readOptionsOf(request));
    sendPage(reply, page, stale.status);
  }
}
