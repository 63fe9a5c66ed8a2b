import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ImageAccess } from '../../access/image-access.js';
import { sendDocument } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { API_DOCUMENTS, requireDocument, type ApiDocuments } from '../api-documents.js';
import { StoresDocument } from '../documents.js';
import { detailedStoresDocument } from './stores-document.js';

/** The stores of a catalogue of its own, with what administrators know of them. */
@Controller('v2/info/stores/detail')
@DescribeResource('Discovery')
@UseGuards(AuthGuard)
export class StoresDetailController {
  constructor(
    private readonly access: ImageAccess,
    @Inject(API_DOCUMENTS) private readonly documents: ApiDocuments,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead(
    { operationId: 'listStoresDetail', summary: 'List stores with their details' },
    StoresDocument,
    {
      policy: true,
    },
  )
  @Get()
  async list(@Identity() caller: Caller, @Res() reply: FastifyReply): Promise<void> {
    // Without several stores it is 404 for everyone, as in Glance.
    await requireDocument(this.documents, 'info/stores');
    this.access.permissionsOf(caller).enforceRule('stores_info_detail');
    sendDocument(reply, detailedStoresDocument(this.settings.data)!);
  }
}
