import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ImageEditor } from '@glimpse/domain';
import { ImageChanges } from '../access/image-changes.js';
import { DataAccess } from '../access/image-data.js';
import { ImageImports } from '../access/image-imports.js';
import { MemberAccess } from '../access/image-members.js';
import { MemberChanges } from '../access/member-changes.js';
import { ListDocuments } from '../access/list-documents.js';
import { ATTRIBUTES_FILLED, HealthcheckController } from '../health/healthcheck.controller.js';
import { Cors } from '../http/cors.js';
import { ImageDocuments } from '../http/image-documents.js';
import { imageApi } from '../image/api.js';
import type { GlancePassThrough } from '../image/pass-through/glance-pass-through.js';
import { ActionsController } from '../image/actions/actions.controller.js';
import { API_DOCUMENTS, type ApiDocuments } from '../image/api-documents.js';
import { DataController } from '../image/data/data.controller.js';
import { ImportTasksController } from '../image/data/import-tasks.controller.js';
import { StagingController } from '../image/data/staging.controller.js';
import { StoreDataController } from '../image/data/store-data.controller.js';
import { fastReads } from '../image/images/fast-reads.js';
import { ImageController } from '../image/images/image.controller.js';
import { ImageChangesController } from '../image/images/image-changes.controller.js';
import { ImageListController } from '../image/images/image-list.controller.js';
import { imageView, type Audience } from '../image/images/image.view.js';
import { InfoController } from '../image/info/info.controller.js';
import { StoresDetailController } from '../image/info/stores-detail.controller.js';
import { MemberChangesController } from '../image/members/member-changes.controller.js';
import { MembersController } from '../image/members/members.controller.js';
import { SchemasController } from '../image/schemas/schemas.controller.js';
import { TagsController } from '../image/tags/tags.controller.js';
import { UnservedController } from '../image/unserved.controller.js';
import { PUBLIC_URL, VersionsController } from '../image/versions.controller.js';
import { createApp } from './app.js';
import { AppModule, type Parts } from './app.module.js';

/** The parts of the Image API. */
export interface ImageParts extends Parts {
  /** The endpoint as clients know it, if it is configured. */
  readonly publicUrl: string | undefined;
  /** In a mirror of Glance, what serves the requests that have no route here. */
  readonly passThrough?: GlancePassThrough | undefined;
  readonly data: DataAccess;
  readonly imports: ImageImports;
  readonly apiDocuments: ApiDocuments;
  /** Undefined in a mirror. */
  readonly editor?: ImageEditor | undefined;
  /** Whether a mirror has every attribute of its images and members. */
  attributesFilled(): Promise<boolean>;
}

/** What serves the changes, the data and the imports of images in a catalogue of its own. */
const CHANGES = [
  ...[ImageChangesController, TagsController, ActionsController, MemberChangesController],
  ...[DataController, StagingController, ImportTasksController, StoreDataController, StoresDetailController],
];

/** Composes the server of the Image API. */
export function createImageApp(parts: ImageParts): Promise<NestFastifyApplication> {
  const { telemetry, traces, unread, health, settings, access, publicUrl, passThrough, editor } = parts;
  const api = imageApi(publicUrl, passThrough !== undefined);
  const auth = { ...parts.auth, serviceType: api.serviceType, ignoresUselessServiceTokens: true };
  const documents = new ImageDocuments<Audience>(
    {
      viewOf: (image, audience) => imageView(image, audience, settings.image),
      isSameBase: (one, other) => one === other,
    },
    access.cache,
  );
  const lists = new ListDocuments(access, parts.listLimit);
  const module = AppModule.of(
    api,
    { ...parts, auth },
    {
      controllers: [
        ImageListController,
        ImageController,
        MembersController,
        SchemasController,
        InfoController,
        ...(passThrough ? [] : editor ? CHANGES : [UnservedController]),
        VersionsController,
        HealthcheckController,
      ],
      providers: [
        { provide: PUBLIC_URL, useValue: publicUrl },
        { provide: API_DOCUMENTS, useValue: parts.apiDocuments },
        { provide: ImageDocuments, useValue: documents },
        { provide: ListDocuments, useValue: lists },
        ...(editor
          ? [
              { provide: ImageChanges, useValue: new ImageChanges(access, editor) },
              { provide: MemberChanges, useValue: new MemberChanges(access, editor) },
            ]
          : []),
        { provide: DataAccess, useValue: parts.data },
        { provide: ImageImports, useValue: parts.imports },
        { provide: MemberAccess, useValue: new MemberAccess(access, parts.attributesFilled) },
        { provide: ATTRIBUTES_FILLED, useValue: parts.attributesFilled },
      ],
    },
  );
  const cors = Cors.of(settings.cors);
  const fastPath =
    settings.fast_path === 'off' ? () => undefined : fastReads({ auth, access, settings, documents, lists });
  return createApp(
    api,
    module,
    { auth, telemetry, traces, unread, cors, fastPath, passThrough },
    health.stopping,
  );
}
