import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller, Image } from '@glimpse/domain';
import { Body, Controller, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { ImageChanges, WrongStatus } from '../../access/image-changes.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { refuseBody } from '../no-body.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#deactivate-image} */
@Controller('v2/images/:image_id/actions')
@DescribeResource('Actions')
@DescribeImageId()
@UseGuards(AuthGuard)
export class ActionsController {
  constructor(private readonly changes: ImageChanges) {}

  @DescribeChange({ operationId: 'deactivateImage', summary: 'Deactivate an image' }, 204)
  @Post('deactivate')
  @HttpCode(204)
  async deactivate(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    refuseBody(body);
    await this.changes.edit(id, caller, (image) => inStatus(image, 'deactivated'), { rule: 'deactivate' });
  }

  @DescribeChange({ operationId: 'reactivateImage', summary: 'Activate a deactivated image' }, 204)
  @Post('reactivate')
  @HttpCode(204)
  async reactivate(
    @Param('image_id') id: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    refuseBody(body);
    await this.changes.edit(id, caller, (image) => inStatus(image, 'active'), { rule: 'reactivate' });
  }
}

/** Only an image with data is active or deactivated. @throws {WrongStatus} */
function inStatus({ status, shownId }: Image, wanted: 'active' | 'deactivated'): Pick<Image, 'status'> {
  if (status !== 'active' && status !== 'deactivated') {
    throw new WrongStatus(`Image ${shownId} has the status ${status}; it must be active or deactivated.`);
  }
  return { status: wanted };
}
