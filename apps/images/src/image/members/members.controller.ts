import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller, Reading } from '@glimpse/domain';
import { Controller, Get, Inject, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MemberAccess } from '../../access/image-members.js';
import { readOptionsOf } from '../../http/read-options.js';
import { markStale, sendDocument } from '../../http/send.js';
import { SETTINGS, type EffectiveSettings } from '../../settings/settings.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeMemberId, DescribeRead, DescribeResource } from '../api-description.js';
import { MemberDocument, MemberList } from '../documents.js';
import { memberView } from './member.view.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#sharing} */
@Controller('v2/images/:image_id/members')
@DescribeResource('Members')
@DescribeImageId()
@UseGuards(AuthGuard)
export class MembersController {
  constructor(
    private readonly members: MemberAccess,
    @Inject(SETTINGS) private readonly settings: EffectiveSettings,
  ) {}

  @DescribeRead({ operationId: 'listMembers', summary: 'List members' }, MemberList, {
    policy: true,
    stale: true,
  })
  @Get()
  async list(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.members.list(id, caller, readOptionsOf(request));
    const { image, members } = reading.value;
    const documents = members.map(([project, member]) => memberView(image, project, member));
    this.send(reply, reading, { members: documents, schema: '/v2/schemas/members' });
  }

  @DescribeRead({ operationId: 'showMember', summary: 'Show a member' }, MemberDocument, { stale: true })
  @DescribeMemberId()
  @Get(':member_id')
  async show(
    @Param('image_id') id: string,
    @Param('member_id') project: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reading = await this.members.read(id, project, caller, readOptionsOf(request));
    const { image, member } = reading.value;
    this.send(reply, reading, memberView(image, reading.value.project, member));
  }

  private send(reply: FastifyReply, reading: Reading<unknown>, document: object): void {
    if (reading.source === 'copy') markStale(reply, reading.age, this.settings.stale.status);
    sendDocument(reply, document);
  }
}
