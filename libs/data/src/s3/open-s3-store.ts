import type { ImageData } from '@glimpse/plugins';

export interface S3StoreOptions {
  readonly bucket: string;
  /** The beginning of each key in the bucket. */
  readonly prefix: string;
  /** Undefined: that of AWS. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** Whether the bucket is part of the path, not of the host name. */
  readonly pathStyle: boolean;
  /** Certificates of the authorities that the service's must be signed by, as PEM text. */
  readonly ca?: string | undefined;
  /** The files of the access key and its secret; undefined: the credentials of the environment, as the SDK finds them. */
  readonly keyFiles?: { readonly accessKey: string; readonly secretKey: string } | undefined;
  /** The most uploads at a time. */
  readonly uploads: number;
  /** Milliseconds without a response after which a request is given up. */
  readonly timeoutMs: number;
}

/**
 * Opens a store in a bucket of an S3 service. Sends no request. The SDK is imported only here: it is an optional
 * dependency.
 *
 * @throws Error of the code `ERR_MODULE_NOT_FOUND`: `@aws-sdk/client-s3` is not installed
 */
export async function openS3Store(options: S3StoreOptions): Promise<ImageData> {
  // Otherwise the SDK writes a warning to standard error on Node 20.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const { S3Store } = await import('./s3-store.js');
  return S3Store.open(options);
}
