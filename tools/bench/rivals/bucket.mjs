/** The SDK alone: sends bytes to a bucket, and reads them. Its one argument is a bucket; a request names what to do. */
import { createServer } from 'node:http';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

const { url, bucket, region, accessKey, secretKey, sizeMib } = JSON.parse(process.argv[2]);
const PART_MIB = 8;
const AT_ONCE = 2;

const client = new S3Client({
  ...{ endpoint: url, region, forcePathStyle: true },
  credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  ...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
});
const object = { Bucket: bucket, Key: 'sent-by-the-sdk' };
const Body = Buffer.alloc(PART_MIB * 2 ** 20, 'image data');

async function up() {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  const Parts = [];
  let PartNumber = 0;
  const send = async () => {
    while (PartNumber < sizeMib / PART_MIB) {
      const part = { PartNumber: ++PartNumber };
      const { ETag } = await client.send(new UploadPartCommand({ ...object, ...part, UploadId, Body }));
      Parts[part.PartNumber - 1] = { ...part, ETag };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
}

async function down() {
  const { Body: bytes } = await client.send(new GetObjectCommand(object));
  let length = 0;
  for await (const chunk of bytes) length += chunk.length;
  if (length !== sizeMib * 2 ** 20) throw new Error(`${length} bytes instead of ${sizeMib} MiB`);
}

const server = createServer(async (request, response) => {
  await (request.url === '/up' ? up() : down());
  response.writeHead(204).end();
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
