import { AuthGuard } from '@glimpse/auth/nestjs';
import { DomainError } from '@glimpse/domain';
import { Controller, Delete, Get, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

/** A route of Glance that this service does not serve. */
class RouteNotServed extends DomainError {
  readonly code = 'route-not-served';

  constructor() {
    super('This service reads images here; it does not change them and serves no image data.');
  }
}

/** The routes of changes and image data, where the images are those of a source that has no Image API itself. */
@Controller('v2/images')
@ApiExcludeController()
@UseGuards(AuthGuard)
export class UnservedController {
  @Get(':image_id/file')
  download(): never {
    throw new RouteNotServed();
  }

  @Post([
    '',
    ':image_id/members',
    ':image_id/import',
    ':image_id/actions/deactivate',
    ':image_id/actions/reactivate',
  ])
  post(): never {
    throw new RouteNotServed();
  }

  @Put([':image_id/file', ':image_id/stage', ':image_id/tags/:tag', ':image_id/members/:member_id'])
  put(): never {
    throw new RouteNotServed();
  }

  @Patch(':image_id')
  update(): never {
    throw new RouteNotServed();
  }

  @Delete([':image_id', ':image_id/tags/:tag', ':image_id/members/:member_id'])
  delete(): never {
    throw new RouteNotServed();
  }
}
