import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Catalogue, Identity as Caller, Image } from '@glimpse/domain';
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
import type { EffectiveSettings } from '../config/settings.js';
import { CATALOGUE, IMAGE_EXTENSIONS, SETTINGS } from '../tokens.js';
import { ImageAccess } from '../access/image-access.js';
import {
  DescribeChange,
  DescribeImageId,
  DescribeListParameters,
  DescribeRead,
  DescribeResource,
} from './api-description.js';
import { BriefList, DetailedList, ImageDocument } from './documents.js';
import { changeOptionsOf, markCopy, sendDocument, sendImageDocument } from './answer.js';
import { briefView, detailView, imageView } from './image.view.js';
import { ListQuery } from './list.query.js';
import { ComputeRequestGuard, Until } from './request.guard.js';
import { linkBaseOf, projectInUrl, readOptionsOf } from './request.js';
import { ROUTE_PREFIXES, IMAGES_UNTIL } from './routes.js';
import { ShownImages } from './shown-images.js';
import { readQuery } from './validation.js';

/** @see {@link https://docs.openstack.org/api-ref/compute/#images-deprecated} */
@Controller(ROUTE_PREFIXES.map((prefix) => `${prefix}/images`))
@DescribeResource('Images')
@UseGuards(AuthGuard, ComputeRequestGuard)
@Until(IMAGES_UNTIL)
export class ImagesController {
  constructor(
    @Inject(CATALOGUE) private readonly catalogue: Catalogue,
    private readonly access: ImageAccess,
    private readonly shown: ShownImages,
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
    const { images, next, base } = await this.page('images', parameters, caller, request, reply);
    sendDocument(reply, briefView(images, next, base));
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
    const { images, next, base } = await this.page('images/detail', parameters, caller, request, reply);
    sendDocument(reply, detailView(images, next, base, this.extensions));
  }

  /** A page, with a link to the next one exactly when it is full. */
  private async page(
    path: string,
    parameters: unknown,
    caller: Caller,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ images: readonly Image[]; next: NextLink | undefined; base: LinkBase }> {
    const query = readQuery(ListQuery, parameters);
    const { images, next: marker, age } = await this.access.page(query.criteria, caller);
    if (age !== undefined) markCopy(reply, age, this.settings.stale.status);
    const base = this.linkBase(request);
    const next = marker === undefined ? undefined : nextLink(base, path, query.parameters, marker);
    return { images, next, base };
  }

  @DescribeRead({ operationId: 'showImage', summary: 'Show an image' }, ImageDocument, { validators: true })
  @DescribeImageId()
  @Get(':image_id')
  async show(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.access.read(id, caller, readOptionsOf(request));
    const document = this.shown.of(reading.value, this.linkBase(request));
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
    const image = await this.access.readForChange(id, caller);
    this.access.judgeChange(image, caller, 'delete');
    const document = imageView(image, this.linkBase(request), this.extensions);
    await this.catalogue.deleteImage(id, changeOptionsOf(request, document, image));
  }

  private linkBase(request: FastifyRequest): LinkBase {
    return linkBaseOf(request.raw, projectInUrl(request), this.settings);
  }
}
