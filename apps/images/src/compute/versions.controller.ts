import { Controller, Get, Inject, Param, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SETTINGS, type EffectiveSettings } from '../settings/settings.js';
import { baseUrlOf } from '../http/base-url.js';
import { sendDocument } from '../http/send.js';
import { MIN_MICROVERSION } from './microversions.js';
import { ComputeRequestGuard } from './guard.js';

/** The attributes of each version's document, without its links. */
const V20 = {
  id: 'v2.0',
  status: 'SUPPORTED',
  version: '',
  min_version: '',
  updated: '2011-01-21T11:33:21Z',
};
const V21 = { id: 'v2.1', status: 'CURRENT', min_version: MIN_MICROVERSION, updated: '2013-07-23T11:33:21Z' };

const DESCRIBED_BY = { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' };

function mediaTypes(version: string): object[] {
  return [{ base: 'application/json', type: `application/vnd.openstack.compute+json;version=${version}` }];
}

/** Version discovery, which needs no token. @see {@link https://docs.openstack.org/api-ref/compute/#api-versions} */
@Controller()
@ApiExcludeController()
export class VersionsController {
  constructor(@Inject(SETTINGS) private readonly settings: EffectiveSettings) {}

  /** List All Major Versions. */
  @Get()
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendDocument(reply, {
      versions: [
        { ...V20, links: [this.self(request, 'v2/')] },
        { ...this.v21(), links: [this.self(request, 'v2.1/')] },
      ],
    });
  }

  @Get('v2')
  showV20(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const links = [this.self(request, 'v2/'), DESCRIBED_BY];
    sendDocument(reply, { version: { ...V20, links, 'media-types': mediaTypes('2') } });
  }

  @Get('v2.1')
  @UseGuards(ComputeRequestGuard)
  showV21(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const links = [this.self(request, 'v2.1/'), DESCRIBED_BY];
    sendDocument(reply, { version: { ...this.v21(), links, 'media-types': mediaTypes('2.1') } });
  }

  /** Lists the versions, for a path that begins with an unknown one. */
  @Get(':version(^v[0-9].*$)')
  choices(
    @Param('version') version: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    const named = encodeURIComponent(version);
    const { id: v20, status: supported } = V20;
    const { id: v21, status: current } = V21;
    void reply.code(300);
    sendDocument(reply, {
      choices: [
        {
          id: v20,
          status: supported,
          links: [this.self(request, `v2/${named}`)],
          'media-types': mediaTypes('2'),
        },
        {
          id: v21,
          status: current,
          links: [this.self(request, `v2.1/${named}`)],
          'media-types': mediaTypes('2.1'),
        },
      ],
    });
  }

  private v21(): object {
    const { id, status, min_version, updated } = V21;
    return { id, status, version: this.settings.max_microversion, min_version, updated };
  }

  private self(request: FastifyRequest, path: string): object {
    return { rel: 'self', href: `${baseUrlOf(request.raw, this.settings.public_url)}/${path}` };
  }
}
