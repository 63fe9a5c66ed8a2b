import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller, ImageName } from '@glimpse/domain';
import { nextLink, type LinkBase, type NextLink } from '@glimpse/links';
import type { ImageExtension } from '@glimpse/plugins';
import {
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { IMAGE_EXTENSIONS } from '../extensions/extensions.controller.js';
import { ImageAccess, type Page } from '../../access/image-access.js';
import { DescribeImageId, DescribeRead } from '../../http/describe-read.js';
import { DescribeChange, DescribeListParameters, DescribeResource } from '../api-description.js';
import { BriefList, DetailedList, ImageDocument } from '../documents.js';
import { changeOptionsOf, markStale, sendBytes, sendImageDocument } from '../../http/send.js';
import { briefImageView, detailedImageView, imageView } from './image.view.js';
import { ListQuery } from './list.query.js';
import { pageDocument } from './page-document.js';
import { ComputeRequestGuard, LastMicroversion } from '../guard.js';
import { readOptionsOf } from '../../http/read-options.js';
import { linkBaseOf, projectInUrl } from '../request.js';
import { ROUTE_PREFIXES, IMAGES_LAST } from '../routes.js';
import { ImageDocuments } from '../../http/image-documents.js';
import { readQuery } from '../../http/validation.js';

/** @see {@link https://docs.openstack.org/api-ref/compute/#images-deprecated} */
@Controller(ROUTE_PREFIXES.map((prefix) => `${prefix}/images`))
@DescribeResource('Images')
@UseGuards(AuthGuard, ComputeRequestGuard)
@LastMicroversion(IMAGES_LAST)
export class ImagesController {
  constructor(
    private readonly access: ImageAccess,
    private readonly documents: ImageDocuments<LinkBase>,
    @Inject(IMAGE_EXTENSIONS) private readonly extensions: readonly ImageExtension[],
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'listImages', summary: 'List images' }, BriefList)
  @DescribeListParameters()
  @Get()
  async list(
    @Query() parameters: unknown,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = readQuery(ListQuery, parameters);
    const page = await this.access.namesPage(query.criteria, caller);
    const base = this.linkBase(request);
    const linkAfter = (marker: string): NextLink => nextLink(base, 'images', query.parameters, marker);
    this.sendPage(reply, page, (image) => briefImageView(image, base), linkAfter);
  }

  @DescribeRead({ operationId: 'listImagesDetailed', summary: 'List images with details' }, DetailedList)
  @DescribeListParameters()
  @Get('detail')
  async detail(
    @Query() parameters: unknown,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = readQuery(ListQuery, parameters);
    const page = await this.access.page(query.criteria, caller);
    const base = this.linkBase(request);
    const linkAfter = (marker: string): NextLink => nextLink(base, 'images/detail', query.parameters, marker);
    this.sendPage(reply, page, (image) => detailedImageView(image, base, this.extensions), linkAfter);
  }

  /** Sends a page, with a link to the next one exactly when it is full or ended early. */
  private sendPage<T extends ImageName>(
    reply: FastifyReply,
    page: Page<T>,
    entryOf: (image: T) => object,
    linkAfter: (marker: string) => NextLink,
  ): void {
    if (page.age !== undefined) markStale(reply, page.age, this.settings.stale.status);
    sendBytes(reply, pageDocument(page, entryOf, linkAfter));
  }

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
    const document = this.documents.of(reading.value, this.linkBase(request));
    sendImageDocument(reply, document, reading, this.settings.stale.status);
  }

  @DescribeChange({ operationId: 'deleteImage', summary: 'Delete an image' })
  @DescribeImageId()
  @Delete(':image_id')
  @HttpCode(204)
  @Header('content-type', 'application/json')
  async delete(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.access.delete(id, caller, (image) =>
      changeOptionsOf(request, imageView(image, this.linkBase(request), this.extensions), image),
    );
  }

  private linkBase(request: FastifyRequest): LinkBase {
    return linkBaseOf(request.raw, projectInUrl(request), this.settings);
  }
}
