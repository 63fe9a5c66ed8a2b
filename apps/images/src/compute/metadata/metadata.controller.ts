import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import {
  CatalogueUnavailable,
  type Image,
  type Identity as Caller,
  type PropertyChange,
} from '@glimpse/domain';
import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RouteNotFound } from '../../http/errors.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { ImageAccess } from '../../access/image-access.js';
import { DescribeImageId, DescribeRead } from '../../http/describe-read.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { MetaDocument, MetadataDocument } from '../documents.js';
import { changeOptionsOf, sendDocument, sendImageDocument } from '../../http/send.js';
import { MetaBody, MetadataBody } from './metadata.body.js';
import { ComputeRequestGuard, LastMicroversion } from '../guard.js';
import { readyDocument } from '../../http/image-documents.js';
import { readOptionsOf } from '../../http/read-options.js';
import { ROUTE_PREFIXES, METADATA_LAST } from '../routes.js';
import { InvalidInput, readBody } from '../../http/validation.js';

/** @see {@link https://docs.openstack.org/api-ref/compute/#image-metadata-deprecated} */
@Controller(ROUTE_PREFIXES.map((prefix) => `${prefix}/images/:image_id/metadata`))
@DescribeResource('Image metadata')
@DescribeImageId()
@UseGuards(AuthGuard, ComputeRequestGuard)
@LastMicroversion(METADATA_LAST)
export class MetadataController {
  constructor(
    private readonly access: ImageAccess,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead(
    { operationId: 'listImageMetadata', summary: 'List the metadata of an image' },
    MetadataDocument,
    { stale: true, validators: true },
  )
  @Get()
  async list(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.access.read(id, caller, readOptionsOf(request));
    const document = readyDocument({ metadata: reading.value.properties }, reading.value);
    sendImageDocument(reply, document, reading, this.settings.stale.status);
  }

  @DescribeChange(
    {
      operationId: 'mergeImageMetadata',
      summary: 'Create or update metadata of an image',
      description: 'Items that the body does not name stay as they are.',
    },
    MetadataDocument,
  )
  @ApiBody({ type: MetadataDocument })
  @Post()
  @HttpCode(200)
  async merge(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { metadata: properties } = readBody(MetadataBody, body);
    const metadata = await this.changeAll(request, id, caller, { kind: 'merge', properties });
    sendDocument(reply, { metadata });
  }

  @DescribeChange(
    {
      operationId: 'replaceImageMetadata',
      summary: 'Replace the metadata of an image',
      description: 'Items that the body does not name are removed.',
    },
    MetadataDocument,
  )
  @ApiBody({ type: MetadataDocument })
  @Put()
  async replace(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { metadata: properties } = readBody(MetadataBody, body);
    const metadata = await this.changeAll(request, id, caller, { kind: 'replace', properties });
    sendDocument(reply, { metadata });
  }

  private async changeAll(
    request: FastifyRequest,
    id: string,
    caller: Caller,
    change: PropertyChange,
  ): Promise<Image['properties']> {
    return this.access.changeProperties(id, caller, change, (image) =>
      changeOptionsOf(request, { metadata: image.properties }, image),
    );
  }

  @DescribeRead(
    { operationId: 'showImageMetadataItem', summary: 'Show a metadata item of an image' },
    MetaDocument,
    { stale: true, validators: true },
  )
  @Get(':key')
  async show(
    @Param('image_id') id: string,
    @Param('key') key: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.access.read(id, caller, readOptionsOf(request));
    const { properties } = reading.value;
    if (!Object.hasOwn(properties, key)) {
      // A stale copy cannot prove that an item is missing.
      throw reading.source === 'copy' ? new CatalogueUnavailable() : new RouteNotFound();
    }
    const document = readyDocument({ meta: { [key]: properties[key] } }, reading.value);
    sendImageDocument(reply, document, reading, this.settings.stale.status);
  }

  @DescribeChange(
    { operationId: 'setImageMetadataItem', summary: 'Create or update a metadata item of an image' },
    MetaDocument,
  )
  @ApiBody({ type: MetaDocument })
  @Put(':key')
  async set(
    @Param('image_id') id: string,
    @Param('key') key: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { meta } = readBody(MetaBody, body);
    if (!Object.hasOwn(meta, key)) throw new InvalidInput('Request body and URI mismatch');
    await this.changeItem(request, id, caller, key, { kind: 'merge', properties: meta });
    sendDocument(reply, { meta });
  }

  @DescribeChange({ operationId: 'deleteImageMetadataItem', summary: 'Delete a metadata item of an image' })
  @Delete(':key')
  @HttpCode(204)
  @Header('content-type', 'application/json')
  async remove(
    @Param('image_id') id: string,
    @Param('key') key: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.changeItem(request, id, caller, key, { kind: 'remove', key });
  }

  private async changeItem(
    request: FastifyRequest,
    id: string,
    caller: Caller,
    key: string,
    change: PropertyChange,
  ): Promise<void> {
    await this.access.changeProperties(id, caller, change, (image) =>
      changeOptionsOf(request, { meta: { [key]: image.properties[key] } }, image),
    );
  }
}
