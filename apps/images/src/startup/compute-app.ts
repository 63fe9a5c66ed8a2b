import type { Image } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import type { ImageExtension } from '@glimpse/plugins';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { computeApi } from '../compute/api.js';
import { ExtensionsController, IMAGE_EXTENSIONS } from '../compute/extensions/extensions.controller.js';
import { fastReads } from '../compute/images/fast-reads.js';
import { imageView, isSameBase } from '../compute/images/image.view.js';
import { ImagesController } from '../compute/images/images.controller.js';
import { MetadataController } from '../compute/metadata/metadata.controller.js';
import { VersionsController } from '../compute/versions.controller.js';
import { ListDocuments } from '../access/list-documents.js';
import { Cors } from '../http/cors.js';
import { ImageDocuments } from '../http/image-documents.js';
import { createApp } from './app.js';
import { AppModule, type Parts } from './app.module.js';

/** The parts of the Compute API. */
export interface ComputeParts extends Parts {
  readonly documents: ImageDocuments<LinkBase>;
  readonly lists: ListDocuments;
  readonly extensions: readonly ImageExtension[];
}

/** The parts of the Compute API, with the form of its image documents. */
export function computeParts(parts: Parts, extensions: readonly ImageExtension[]): ComputeParts {
  const form = { viewOf: (image: Image, base: LinkBase) => imageView(image, base, extensions), isSameBase };
  const { access, listLimit } = parts;
  return {
    ...{ ...parts, extensions, documents: new ImageDocuments(form, access.cache) },
    lists: new ListDocuments(access, listLimit),
  };
}

/** Composes the server of the Compute API. */
export function createComputeApp(parts: ComputeParts): Promise<NestFastifyApplication> {
  const { auth, telemetry, traces, unread, health, settings, documents, lists, extensions } = parts;
  const api = computeApi(auth.serviceType);
  const module = AppModule.of(api, parts, {
    controllers: [ImagesController, MetadataController, VersionsController, ExtensionsController],
    providers: [
      { provide: ImageDocuments, useValue: documents },
      { provide: ListDocuments, useValue: lists },
      { provide: IMAGE_EXTENSIONS, useValue: extensions },
    ],
  });
  const fastPath = settings.fast_path === 'off' ? () => undefined : fastReads(parts);
  const cors = Cors.of(settings.cors);
  return createApp(api, module, { auth, telemetry, traces, unread, cors, fastPath }, health.stopping);
}
