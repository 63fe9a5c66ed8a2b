import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import { DomainError, type Identity as Caller } from '@glimpse/domain';
import { Body, Controller, Delete, HttpCode, Param, Put, UseGuards } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { ImageChanges } from '../../access/image-changes.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeChange, DescribeResource } from '../api-description.js';
import { checkValue } from '../images/image-attributes.js';
import { refuseBody } from '../no-body.js';
import { IMAGE_SCHEMA } from '../schemas/schemas.js';

/** The image has no such tag. */
class TagNotFound extends DomainError {
  readonly code = 'tag-not-found';

  constructor(tag: string) {
    super(`The image has no tag ${JSON.stringify(tag)}.`);
  }
}

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#image-tags} */
@Controller('v2/images/:image_id/tags/:tag')
@DescribeResource('Tags')
@DescribeImageId()
@ApiParam({ name: 'tag', schema: { type: 'string', maxLength: 255 } })
@UseGuards(AuthGuard)
export class TagsController {
  constructor(private readonly changes: ImageChanges) {}

  @DescribeChange({ operationId: 'addTag', summary: 'Tag an image' }, 204)
  @Put()
  @HttpCode(204)
  async add(
    @Param('image_id') id: string,
    @Param('tag') tag: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    refuseBody(body);
    checkValue('tags', [tag], IMAGE_SCHEMA);
    await this.changes.edit(id, caller, ({ tags }) => ({ tags: tags.includes(tag) ? tags : [...tags, tag] }));
  }

  @DescribeChange({ operationId: 'removeTag', summary: 'Remove a tag of an image' }, 204)
  @Delete()
  @HttpCode(204)
  async remove(
    @Param('image_id') id: string,
    @Param('tag') tag: string,
    @Body() body: Buffer | undefined,
    @Identity() caller: Caller,
  ): Promise<void> {
    refuseBody(body);
    await this.changes.edit(id, caller, ({ tags }) => {
      if (!tags.includes(tag)) throw new TagNotFound(tag);
      return { tags: tags.filter((each) => each !== tag) };
    });
  }
}
