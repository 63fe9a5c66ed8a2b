import { AuthGuard } from '@glimpse/auth/nestjs';
import { All, Controller, Get, Inject, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { baseUrlOf } from '../http/base-url.js';
import { sendDocument } from '../http/send.js';
import { API_DOCUMENTS, requireDocument, type ApiDocuments } from './api-documents.js';

/** The injection token of the endpoint as clients know it; undefined where none is configured. */
export const PUBLIC_URL = Symbol('PublicUrl');

/** A link of a version; what a source has in front of the version is its own address. */
interface VersionLink {
  readonly href: string;
}

interface Version {
  readonly links: readonly VersionLink[];
}

/** What a link of a version ends with. */
const VERSION_PATH = /\/v\d[^/]*\/?$/;

/** Version discovery. @see {@link https://docs.openstack.org/api-ref/image/versions/} */
@Controller()
@ApiExcludeController()
export class VersionsController {
  constructor(
    @Inject(PUBLIC_URL) private readonly publicUrl: string | undefined,
    @Inject(API_DOCUMENTS) private readonly documents: ApiDocuments,
  ) {}

  @Get('versions')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await this.documentFor(request));
  }

  /** Clients that discover versions at their endpoint send a token. */
  @Get('v2')
  @UseGuards(AuthGuard)
  async discover(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    sendDocument(reply, await this.documentFor(request));
  }

  /** The choices for a path that names no version, or one that does not exist. */
  @All(['/', '*'])
  async choices(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const document = await this.documentFor(request);
    void reply.code(300);
    sendDocument(reply, document);
  }

  /** The versions, with links to this service at the address that the client knows. */
  private async documentFor(request: FastifyRequest): Promise<object> {
    const document = (await requireDocument(this.documents, 'versions')) as { versions: readonly Version[] };
    const base = baseUrlOf(request.raw, this.publicUrl);
    const rebased = (link: VersionLink): VersionLink => ({
      ...link,
      href: base + (VERSION_PATH.exec(link.href)?.[0] ?? '/v2/'),
    });
    const versions = document.versions.map((version) => ({ ...version, links: version.links.map(rebased) }));
    return { ...document, versions };
  }
}
