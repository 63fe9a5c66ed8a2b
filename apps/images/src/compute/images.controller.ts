import { viewerOf } from '@glimpse/auth';
import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Catalogue, Identity as Caller } from '@glimpse/domain';
import type { ImageExtension } from '@glimpse/plugins';
import { Controller, Get, Inject, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EffectiveSettings } from '../config.js';
import { CATALOGUE, IMAGE_EXTENSIONS, SETTINGS } from '../tokens.js';
import { sendDocument } from './answer.js';
import { imageView } from './image.view.js';
import { ComputeRequestGuard, Until } from './request.guard.js';
import { linkBaseOf } from './request.js';
import { FACE } from './routes.js';

/** @see {@link https://docs.openstack.org/api-ref/compute/#images-deprecated} */
@Controller(FACE.map((prefix) => `${prefix}/images`))
@UseGuards(AuthGuard, ComputeRequestGuard)
@Until('2.35')
export class ImagesController {
  constructor(
    @Inject(CATALOGUE) private readonly catalogue: Catalogue,
    @Inject(IMAGE_EXTENSIONS) private readonly extensions: readonly ImageExtension[],
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  /** Show Image Details. */
  @Get(':image_id')
  async show(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { value: image } = await this.catalogue.image(id, viewerOf(caller));
    sendDocument(reply, imageView(image, linkBaseOf(request, this.settings), this.extensions));
  }
}
