import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Swift } from '@glimpse/data/testing';
import { newFolder } from '../../harness/service.js';

/** The bucket of a Swift, and the settings of a store in it. */
export class Bucket {
  readonly #client: S3Client;

  constructor(private readonly swift: Swift) {
    this.#client = new S3Client({
      ...{ endpoint: swift.url, region: swift.region, forcePathStyle: true },
      credentials: { accessKeyId: swift.accessKey, secretAccessKey: swift.secretKey },
    });
  }

  settings(secret = this.swift.secretKey): Record<string, string> {
    const folder = newFolder();
    const [access, secretFile] = [join(folder, 'access-key'), join(folder, 'secret-key')];
    writeFileSync(access, this.swift.accessKey);
    writeFileSync(secretFile, secret);
    return {
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_DATA_USE: 's3',
      GLIMPSE_DATA_OPTIONS_BUCKET: this.swift.bucket,
      GLIMPSE_DATA_OPTIONS_PREFIX: 'images/',
      GLIMPSE_DATA_OPTIONS_ENDPOINT: this.swift.url,
      GLIMPSE_DATA_OPTIONS_REGION: this.swift.region,
      GLIMPSE_DATA_OPTIONS_ACCESS_KEY_FILE: access,
      GLIMPSE_DATA_OPTIONS_SECRET_KEY_FILE: secretFile,
      GLIMPSE_DATA_OPTIONS_TIMEOUT: '2',
    };
  }

  /** The keys of all objects but the marker, and of the uploads that are not complete. */
  async keys(): Promise<{ objects: string[]; uploads: string[] }> {
    const at = { Bucket: this.swift.bucket };
    const [{ Contents = [] }, { Uploads = [] }] = await Promise.all([
      this.#client.send(new ListObjectsV2Command(at)),
      this.#client.send(new ListMultipartUploadsCommand(at)),
    ]);
    const objects = Contents.map(({ Key }) => Key!).filter((key) => !key.endsWith('catalogue-id'));
    return { objects, uploads: Uploads.map(({ Key }) => Key!) };
  }

  async put(Key: string, Body: string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.swift.bucket, Key, Body }));
  }

  /** Lets Swift refuse what has more bytes than these, by a quota; undefined: nothing. */
  async limitRoom(bytes: number | undefined): Promise<void> {
    const { url, bucket, accessKey, secretKey } = this.swift;
    const login = { 'x-auth-user': accessKey, 'x-auth-key': secretKey };
    const { headers: given } = await fetch(`${url}/auth/v1.0`, { headers: login });
    const token = { 'x-auth-token': given.get('x-auth-token')! };
    // The parts of uploads are in a container of their own.
    for (const name of [bucket, `${bucket}+segments`]) {
      const container = `${given.get('x-storage-url')}/${name}`;
      const { headers } = await fetch(container, { method: 'HEAD', headers: token });
      const used = Number(headers.get('x-container-bytes-used'));
      const quota = bytes === undefined ? '' : String(used + bytes);
      const response = await fetch(container, {
        method: 'PUT',
        headers: { ...token, 'x-container-meta-quota-bytes': quota },
      });
      if (!response.ok) throw new Error(`no quota for ${name}: ${response.status}`);
    }
  }

  /** Begins an upload in parts that nothing ends. */
  async beginUpload(Key: string): Promise<void> {
    await this.#client.send(new CreateMultipartUploadCommand({ Bucket: this.swift.bucket, Key }));
  }

  async abortUploads(Key: string): Promise<void> {
    const at = { Bucket: this.swift.bucket };
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ ...at, Prefix: Key }));
    for (const { UploadId } of Uploads) {
      await this.#client.send(new AbortMultipartUploadCommand({ ...at, Key, UploadId }));
    }
  }

  /** Copies all objects behind a prefix, the marker too. */
  async copy(Prefix: string, to: string): Promise<void> {
    const { Contents = [] } = await this.#client.send(
      new ListObjectsV2Command({ Bucket: this.swift.bucket, Prefix }),
    );
    for (const { Key } of Contents) {
      const CopySource = `${this.swift.bucket}/${Key}`;
      const copied = { Bucket: this.swift.bucket, Key: to + Key!.slice(Prefix.length), CopySource };
      await this.#client.send(new CopyObjectCommand(copied));
    }
  }

  async delete(Key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.swift.bucket, Key }));
  }

  close(): void {
    this.#client.destroy();
  }
}
