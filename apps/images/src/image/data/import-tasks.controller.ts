import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Param, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ImageImports } from '../../access/image-imports.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { sendDocument } from '../../http/send.js';
import { DescribeRead, DescribeResource } from '../api-description.js';
import { TaskList } from '../documents.js';
import { importTaskView } from './import-task.view.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#show-tasks-associated-with-image} */
@Controller('v2/images/:image_id/tasks')
@DescribeResource('Image data')
@DescribeImageId()
@UseGuards(AuthGuard)
export class ImportTasksController {
  constructor(private readonly imports: ImageImports) {}

  @DescribeRead({ operationId: 'listImportTasks', summary: 'List the imports of an image' }, TaskList)
  @Get()
  async list(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image, imports } = await this.imports.of(id, caller);
    sendDocument(reply, { tasks: imports.map((each) => importTaskView(image, each)) });
  }
}
