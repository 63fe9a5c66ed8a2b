import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import { MEMBER_STATUSES, isStorable, type Identity as Caller, type MemberStatus } from '@glimpse/domain';
import { Body, Controller, Delete, HttpCode, Param, Post, Put, Res, UseGuards } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { MemberChanges } from '../../access/member-changes.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { sendDocument } from '../../http/send.js';
import { InvalidInput, parseObject } from '../../http/validation.js';
import { DescribeChange, DescribeMemberId, DescribeResource } from '../api-description.js';
import { MemberDocument, MemberStatusDocument, NewMemberDocument } from '../documents.js';
import { refuseBody } from '../no-body.js';
import { memberView } from './member.view.js';

const MAX_PROJECT_CHARACTERS = 255;

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#sharing} */
@Controller('v2/images/:image_id/members')
@DescribeResource('Members')
@DescribeImageId()
@UseGuards(AuthGuard)
export class MemberChangesController {
  constructor(private readonly changes: MemberChanges) {}

  @DescribeChange(
    { operationId: 'addMember', summary: 'Share an image with a project' },
    200,
    MemberDocument,
    409,
  )
  @ApiBody({ type: NewMemberDocument })
  @Post()
  async add(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image, project, member } = await this.changes.add(id, readProject(body), caller);
    // Glance has 200 here, where others have 201.
    void reply.code(200);
    sendDocument(reply, memberView(image, project, member));
  }

  @DescribeChange({ operationId: 'updateMember', summary: 'Accept or reject an image' }, 200, MemberDocument)
  @DescribeMemberId()
  @ApiBody({ type: MemberStatusDocument })
  @Put(':member_id')
  async setStatus(
    @Param('image_id') id: string,
    @Param('member_id') of: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image, project, member } = await this.changes.setStatus(id, of, readStatus(body), caller);
    sendDocument(reply, memberView(image, project, member));
  }

  @DescribeChange({ operationId: 'removeMember', summary: 'Stop sharing an image with a project' }, 204)
  @DescribeMemberId()
  @Delete(':member_id')
  @HttpCode(204)
  async remove(
    @Param('image_id') id: string,
    @Param('member_id') project: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    refuseBody(body);
    await this.changes.remove(id, project, caller);
  }
}

function readProject(body: Buffer | undefined): string {
  const { member } = parseObject(body);
  if (member === undefined) throw new InvalidInput('Member not specified');
  if (member === '') throw new InvalidInput("Member can't be empty");
  const isId =
    typeof member === 'string' && [...member].length <= MAX_PROJECT_CHARACTERS && isStorable(member);
  if (isId) return member;
  throw new InvalidInput(
    `"member" must be the id of a project: text of at most ${MAX_PROJECT_CHARACTERS} characters.`,
  );
}

function readStatus(body: Buffer | undefined): MemberStatus {
  const { status: given } = parseObject(body);
  if (given === undefined) throw new InvalidInput('Status not specified');
  const status = MEMBER_STATUSES.find((each) => each === given);
  if (status) return status;
  throw new InvalidInput('Incorrect request: Status must be "pending", "accepted" or "rejected".');
}
