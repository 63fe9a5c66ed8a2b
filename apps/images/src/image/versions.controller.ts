import { AuthGuard } from '@glimpse/auth/nestjs';
import { All, Controller, Get, Inject, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { baseUrlOf } from '../http/base-url.js';
import { sendDocument } from '../http/send.js';

/** The injection token of the endpoint as clients know it; undefined where none is configured. */
export const PUBLIC_URL = Symbol('PublicUrl');

/**
 * The versions of a catalogue of its own. Glance has further ones, from 2.8 to 2.14, for several stores and for its
 * cache of image data.
 */
const VERSIONS = ['2.15', '2.9', '2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'];

/** Version discovery. @see {@link https://docs.openstack.org/api-ref/image/versions/} */
@Controller()
@ApiExcludeController()
export class VersionsController {
  constructor(@Inject(PUBLIC_URL) private readonly publicUrl: string | undefined) {}

  @Get('versions')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendDocument(reply, this.documentFor(request));
  }

  /** Clients that discover versions at their endpoint send a token. */
  @Get('v2')
  @UseGuards(AuthGuard)
  discover(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendDocument(reply, this.documentFor(request));
  }

  /** The choices for a path that names no version, or one that does not exist. */
  @All(['/', '*'])
  choices(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    void reply.code(300);
    sendDocument(reply, this.documentFor(request));
  }

  private documentFor(request: FastifyRequest): object {
    const links = [{ rel: 'self', href: `${baseUrlOf(request.raw, this.publicUrl)}/v2/` }];
    const versions = VERSIONS.map((version, index) => ({
      id: `v${version}`,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links,
    }));
    return { versions };
  }
}
