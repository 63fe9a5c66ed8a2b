import { AuthGuard } from '@glimpse/auth/nestjs';
import type { ImageExtension } from '@glimpse/plugins';
import { Controller, Get, Inject, Param, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RouteNotFound } from '../../http/errors.js';
import { DescribeRead } from '../../http/describe-read.js';
import { DescribeResource } from '../api-description.js';
import { ExtensionDocument, ExtensionList } from '../documents.js';
import { sendDocument } from '../../http/send.js';
import { ComputeRequestGuard } from '../guard.js';
import { ROUTE_PREFIXES } from '../routes.js';

/** The injection token of the loaded image extensions. */
export const IMAGE_EXTENSIONS = Symbol('ImageExtension[]');

/** @see {@link https://docs.openstack.org/api-ref/compute/#extensions-extensions-deprecated} */
@Controller(ROUTE_PREFIXES.map((prefix) => `${prefix}/extensions`))
@DescribeResource('Extensions')
@UseGuards(AuthGuard, ComputeRequestGuard)
export class ExtensionsController {
  constructor(@Inject(IMAGE_EXTENSIONS) private readonly extensions: readonly ImageExtension[]) {}

  @DescribeRead({ operationId: 'listExtensions', summary: 'List extensions' }, ExtensionList)
  @Get()
  list(@Res() reply: FastifyReply): void {
    const documents = this.extensions.map(extensionView);
    documents.sort((one, other) => (one.alias < other.alias ? -1 : 1));
    sendDocument(reply, { extensions: documents });
  }

  @DescribeRead({ operationId: 'showExtension', summary: 'Show an extension' }, ExtensionDocument)
  @Get(':alias')
  show(@Param('alias') alias: string, @Res() reply: FastifyReply): void {
    const extension = this.extensions.find((loaded) => loaded.alias === alias);
    if (!extension) throw new RouteNotFound();
    sendDocument(reply, { extension: extensionView(extension) });
  }
}

function extensionView({ alias, description, name, namespace, updated }: ImageExtension) {
  return { alias, description, links: [], name, namespace, updated };
}
