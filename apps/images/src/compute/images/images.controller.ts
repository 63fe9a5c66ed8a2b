import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller, Image } from '@glimpse/domain';
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
import { ImageAccess } from '../../access/image-access.js';
import { ListDocuments, type ComposedPage } from '../../access/list-documents.js';
import { DescribeImageId, DescribeRead } from '../../http/describe-read.js';
import { DescribeChange, DescribeListParameters, DescribeResource } from '../api-description.js';
import { BriefList, DetailedList, ImageDocument } from '../documents.js';
import { changeOptionsOf, sendImageDocument, sendPage } from '../../http/send.js';
import { briefImageView, detailedImageView, imageView } from './image.view.js';
import { listAddress } from './list-address.js';
import { ListQuery } from './list.query.js';
import { pageDocument } from './page-document.js';
import { ComputeRequestGuard, LastMicroversion } from '../guard.js';
import { readOptionsOf } from '../../http/read-options.js';
import { linkBaseOf, projectInUrl } from '../request.js';
import { ROUTE_PREFIXES, IMAGES_LAST } from '../routes.js';
import { ImageDocuments } from '../../http/image-documents.js';
import { readQuery } from '../../http/validation.js';

/** What responses to lists have besides their document. */
const LIST_FORMS = { stale: true, tag: true } as const;

/** A request for a list. */
interface ListRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly base: LinkBase;
  readonly caller: Caller;
}

/** @see {@link https://docs.openstack.org/api-ref/compute/#images-deprecated} */
@Controller(ROUTE_PREFIXES.map((prefix) => `${prefix}/images`))
@DescribeResource('Images')
@UseGuards(AuthGuard, ComputeRequestGuard)
@LastMicroversion(IMAGES_LAST)
export class ImagesController {
  constructor(
    private readonly access: ImageAccess,
    private readonly documents: ImageDocuments<LinkBase>,
    private readonly lists: ListDocuments,
    @Inject(IMAGE_EXTENSIONS) private readonly extensions: readonly ImageExtension[],
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'listImages', summary: 'List images' }, BriefList, LIST_FORMS)
  @DescribeListParameters()
  @Get()
  async list(
    @Query() parameters: unknown,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = readQuery(ListQuery, parameters);
    const { criteria } = query;
    const base = this.linkBase(request);
    const linkAfter = (marker: string): NextLink => nextLink(base, 'images', query.parameters, marker);
    await this.sendList({ request, reply, base, caller }, async () => {
      const page = await this.access.lists.namesPage(criteria, caller);
      const document = await pageDocument(page, (image) => briefImageView(image, base), linkAfter);
      return { document, age: page.age };
    });
  }

  @DescribeRead(
    { operationId: 'listImagesDetailed', summary: 'List images with details' },
    DetailedList,
    LIST_FORMS,
  )
  @DescribeListParameters()
  @Get('detail')
  async detail(
    @Query() parameters: unknown,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = readQuery(ListQuery, parameters);
    const { criteria } = query;
    const base = this.linkBase(request);
    const linkAfter = (marker: string): NextLink => nextLink(base, 'images/detail', query.parameters, marker);
    const entryOf = (image: Image): object => detailedImageView(image, base, this.extensions);
    await this.sendList({ request, reply, base, caller }, async () => {
      const page = await this.access.lists.page(criteria, caller);
      return { document: await pageDocument(page, entryOf, linkAfter), age: page.age };
    });
  }

  /** Sends a page, cached or composed. */
  private async sendList(
    { request, reply, base, caller }: ListRequest,
    compose: () => Promise<ComposedPage>,
  ): Promise<void> {
    const address = listAddress(request.raw, base);
    const page = await this.lists.read(address, caller, compose, readOptionsOf(request));
    sendPage(reply, page, this.settings.stale.status);
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
