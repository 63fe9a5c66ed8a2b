import { AuthGuard } from '@glimpse/auth/nestjs';
import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendDocument } from '../../http/send.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { API_DOCUMENTS, requireDocument, type ApiDocuments } from '../api-documents.js';
import { SchemaDocument } from '../documents.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#image-schemas} */
@Controller('v2/schemas')
@DescribeResource('Schemas')
@UseGuards(AuthGuard)
export class SchemasController {
  constructor(@Inject(API_DOCUMENTS) private readonly documents: ApiDocuments) {}

  @DescribeRead({ operationId: 'showImageSchema', summary: 'Show the schema of an image' }, SchemaDocument)
  @Get('image')
  async image(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'schemas/image'));
  }

  @DescribeRead({ operationId: 'showImagesSchema', summary: 'Show the schema of lists' }, SchemaDocument)
  @Get('images')
  async images(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'schemas/images'));
  }

  @DescribeRead({ operationId: 'showMemberSchema', summary: 'Show the schema of a member' }, SchemaDocument)
  @Get('member')
  async member(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'schemas/member'));
  }

  @DescribeRead({ operationId: 'showMembersSchema', summary: 'Show the schema of members' }, SchemaDocument)
  @Get('members')
  async members(@Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await requireDocument(this.documents, 'schemas/members'));
  }
}
