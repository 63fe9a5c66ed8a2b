import { AuthGuard, Identity } from '@glimpse/auth/nestjs';
import type { Identity as Caller } from '@glimpse/domain';
import { Controller, Get, Param, Put, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiProduces, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataAccess } from '../../access/image-data.js';
import { DescribeImageId } from '../../http/describe-read.js';
import { DescribeResource } from '../api-description.js';
import { byteRangeOf } from './byte-range.js';
import { OCTETS, STORE_HEADER, receiveData } from './receive-data.js';
import { admitDownload, sendData } from './send-data.js';

/** @see {@link https://docs.openstack.org/api-ref/image/v2/#image-data} */
@Controller('v2/images/:image_id/file')
@DescribeResource('Image data')
@DescribeImageId()
@UseGuards(AuthGuard)
export class DataController {
  constructor(private readonly data: DataAccess) {}

  @ApiOperation({ operationId: 'uploadImageData', summary: 'Upload the data of an image' })
  @ApiConsumes(OCTETS)
  @ApiHeader({
    name: 'X-Image-Meta-Store',
    required: false,
    description: 'Where it goes, of several stores.',
  })
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 204, description: 'The image is active.' })
  @Put()
  async upload(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const store = request.headers[STORE_HEADER] as string | undefined;
    await receiveData(request, (data) => this.data.upload(id, caller, data, store));
    void reply.code(204).send();
  }

  @ApiOperation({ operationId: 'downloadImageData', summary: 'Download the data of an image' })
  @ApiProduces(OCTETS)
  @ApiResponse({ status: 200, description: 'The data.', schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 204, description: 'The image has no data.' })
  @ApiResponse({ status: 206, description: 'The range of the data that `Range` names.' })
  @Get()
  async download(
    @Param('image_id') id: string,
    @Identity() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image, data } = await this.data.download(id, caller);
    if (!data) return void reply.code(204).send();
    const { size } = data;
    const wanted = request.headers.range;
    const range = wanted === undefined ? { first: 0, last: size - 1 } : byteRangeOf(wanted, size);
    const isRead = request.method !== 'HEAD';
    if (isRead) admitDownload(reply);
    const bytes = isRead ? await data.open(range) : [];
    void reply.code(wanted === undefined ? 200 : 206).headers({
      'content-type': OCTETS,
      'content-length': range.last - range.first + 1,
      'accept-ranges': 'bytes',
      ...(image.checksum !== null && { 'content-md5': image.checksum }),
      ...(wanted !== undefined && { 'content-range': `bytes ${range.first}-${range.last}/${size}` }),
    });
    await sendData(reply, bytes);
  }
}
