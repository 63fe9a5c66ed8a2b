#!/usr/bin/env node
/** Runs the S3 service that the service is tried against: `node tools/swift.mjs --help`. */
import { WRONG_OPTIONS, readArguments, requireNumber } from './command-line.mjs';
import { endWithThis, openFolder } from './openstack/folder.mjs';
import { freePort } from './openstack/processes.mjs';
import { NoAttributes, startSwift, swiftIsInstalled } from './openstack/swift.mjs';

const HELP = `Usage: node tools/swift.mjs [options]

Runs Debian's OpenStack Swift privately, with its S3 interface and one bucket: on loopback, in a folder of its own,
with nothing of the machine's. Prints the settings of a store in that bucket, and runs until Ctrl-C, or until
standard input ends if that is a pipe.

  --port PORT      its port (a free one)
  --bucket NAME    its bucket (images)
  --folder FOLDER  where to keep everything, logs too; it stays afterwards (one that vanishes)
  --json           print one line of JSON instead

Exit codes: 2 wrong options, 69 Swift or memcached is not installed, or the file system of the folder has no extended
attributes, 1 anything else that went wrong.
`;
const UNAVAILABLE = 69;

const { values: options } = readArguments(
  HELP,
  {
    options: {
      port: { type: 'string' },
      bucket: { type: 'string', default: 'images' },
      folder: { type: 'string' },
      json: { type: 'boolean' },
    },
  },
  ({ values: { port } }) => requireNumber('port', port),
);
if (!swiftIsInstalled()) {
  console.error('swift is not installed: apt-get install --no-install-recommends python3-swift memcached');
  process.exit(UNAVAILABLE);
}

const folder = openFolder(options.folder, 'swift');
if (!folder) process.exit(WRONG_OPTIONS);
endWithThis(folder, { keepsFolder: Boolean(options.folder) });

try {
  const { bucket } = options;
  const service = await startSwift(folder, { port: options.port ?? (await freePort()), bucket });
  process.stdout.write(options.json ? `${JSON.stringify(service)}\n` : settings(service));
} catch (error) {
  console.error(error.cause ? `${error.message}: ${error.cause.message}` : error.message);
  process.exit(error instanceof NoAttributes ? UNAVAILABLE : 1);
}

function settings({ url, region, bucket, accessKey, secretKey }) {
  return `# Swift is at ${url} until Ctrl-C. With these variables the service keeps image data there:
export GLIMPSE_DATA_USE=s3 GLIMPSE_DATA_OPTIONS_BUCKET=${bucket}
export GLIMPSE_DATA_OPTIONS_ENDPOINT=${url} GLIMPSE_DATA_OPTIONS_REGION=${region}
export AWS_ACCESS_KEY_ID=${accessKey} AWS_SECRET_ACCESS_KEY=${secretKey}
`;
}
