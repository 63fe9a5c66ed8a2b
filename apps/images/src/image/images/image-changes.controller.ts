import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller, Image } from '@glimpse/domain';
import {
  Body,
  Controller,
  Delete,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImageAccess } from '../../access/image-access.js';
import { ImageChanges } from '../../access/image-changes.js';
import { baseUrlOf } from '../../http/base-url.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { entityTagOf } from '../../http/image-documents.js';
import { changeOptionsOf } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { ImageDocument, NewImageDocument, PatchDocument } from '../documents.js';
import { refuseBody } from '../no-body.js';
import { importMethodsOf, storeNamesOf } from '../data/import-body.js';
import { schemasOf, type Schemas } from '../schemas/schemas.js';
import { PUBLIC_URL } from '../versions.controller.js';
import { readImageBody } from './image-body.js';
import { patched, readPatch } from './image-patch.js';
import { audienceOf, imageView } from './image.view.js';

/**
 * The changes of images in a catalogue of its own.
 *
 * @see {@link https://docs.openstack.org/api-ref/image/v2/#create-image}
 */
@Controller('v2/images')
@DescribeResource('Images')
@UseGuards(AuthGuard)
export class ImageChangesController {
  private readonly schema: Schemas['image'];
  /** The headers in which a new image names where its data may go, and how; none without a store. */
  private readonly storeHeaders: Record<string, string>;

  constructor(
    private readonly access: ImageAccess,
    private readonly changes: ImageChanges,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
    @Inject(PUBLIC_URL) private readonly publicUrl: string | undefined,
  ) {
    const stores = storeNamesOf(settings.data);
    this.schema = schemasOf(settings.image).image;
    this.storeHeaders =
      stores.length === 0
        ? {}
        : {
            'openstack-image-import-methods': importMethodsOf(settings.data).join(','),
            'openstack-image-store-ids': stores.join(','),
          };
  }

  @DescribeChange({ operationId: 'createImage', summary: 'Create an image' }, 201, ImageDocument, 409)
  @ApiBody({ type: NewImageDocument })
  @Post()
  async create(
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const image = await this.changes.create(readImageBody(body, this.schema), caller);
    const location = `${baseUrlOf(request.raw, this.publicUrl)}/v2/images/${image.shownId}`;
    void reply.code(201).headers({ location, ...this.storeHeaders });
    this.send(reply, image, caller);
  }

  @DescribeChange(
    { operationId: 'updateImage', summary: 'Update an image', description: 'All operations, or none.' },
    200,
    ImageDocument,
    ...[409, 412, 415],
  )
  @DescribeImageId()
  @ApiConsumes('application/openstack-images-v2.1-json-patch')
  @ApiBody({ type: [PatchDocument] })
  @Patch(':image_id')
  async update(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const operations = readPatch(request.sentMediaType, body, this.schema);
    const image =
      operations.length === 0
        ? (await this.access.readCurrent(id, caller)).image
        : await this.changes.edit(id, caller, (each) => patched(each, operations), {
            precondition: this.preconditionOf(request, caller),
          });
    this.send(reply, image, caller);
  }

  @DescribeChange({ operationId: 'deleteImage', summary: 'Delete an image' }, 204, undefined, 409, 412)
  @DescribeImageId()
  @Delete(':image_id')
  @HttpCode(204)
  async delete(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    refuseBody(body);
    await this.access.delete(id, caller, (image) =>
      changeOptionsOf(request, this.viewOf(image, caller), image),
    );
  }

  private preconditionOf(request: FastifyRequest, caller: Caller): ((image: Image) => void) | undefined {
    if (request.headers['if-match'] === undefined) return undefined;
    return (image) => void changeOptionsOf(request, this.viewOf(image, caller), image);
  }

  private send(reply: FastifyReply, image: Image, caller: Caller): void {
    const body = Buffer.from(JSON.stringify(this.viewOf(image, caller)));
    void reply.headers({ 'content-type': 'application/json', etag: entityTagOf(body) }).send(body);
  }

  private viewOf(image: Image, caller: Caller): object {
    return imageView(image, audienceOf(image, this.access.permissionsOf(caller).viewer), this.settings.image);
  }
}
