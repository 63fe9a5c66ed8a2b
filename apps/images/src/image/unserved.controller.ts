import { AuthGuard } from '@glimpse/auth/nestjs';
import { DomainError } from '@glimpse/domain';
import { Controller, Delete, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

/** A route of Glance that this service does not serve yet. */
class RouteNotServed extends DomainError {
  readonly code = 'route-not-served';

  constructor() {
    super('This service does not serve this request.');
  }
}

/** The routes of changes, which nothing here makes where images are those of a source without this API. */
@Controller('v2/images')
@ApiExcludeController()
@UseGuards(AuthGuard)
export class UnservedChangesController {
  @Post(['', ':image_id/members', ':image_id/actions/deactivate', ':image_id/actions/reactivate'])
  post(): never {
    throw new RouteNotServed();
  }

  @Put([':image_id/tags/:tag', ':image_id/members/:member_id'])
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
