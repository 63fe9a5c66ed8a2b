import { AuthGuard } from '@glimpse/auth/nestjs';
import { Controller, Get, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendDocument } from '../../http/send.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { SchemaDocument } from '../documents.js';
import { SCHEMAS } from './schemas.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#image-schemas} */
@Controller('v2/schemas')
@DescribeResource('Schemas')
@UseGuards(AuthGuard)
export class SchemasController {
  @DescribeRead({ operationId: 'showImageSchema', summary: 'Show the schema of an image' }, SchemaDocument)
  @Get('image')
  image(@Res() reply: FastifyReply): void {
    sendDocument(reply, SCHEMAS.image);
  }

  @DescribeRead({ operationId: 'showImagesSchema', summary: 'Show the schema of lists' }, SchemaDocument)
  @Get('images')
  images(@Res() reply: FastifyReply): void {
    sendDocument(reply, SCHEMAS.images);
  }

  @DescribeRead({ operationId: 'showMemberSchema', summary: 'Show the schema of a member' }, SchemaDocument)
  @Get('member')
  member(@Res() reply: FastifyReply): void {
    sendDocument(reply, SCHEMAS.member);
  }

  @DescribeRead({ operationId: 'showMembersSchema', summary: 'Show the schema of members' }, SchemaDocument)
  @Get('members')
  members(@Res() reply: FastifyReply): void {
    sendDocument(reply, SCHEMAS.members);
  }
}
