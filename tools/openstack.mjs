#!/usr/bin/env node
/** Runs the OpenStack that the service is tried against: `node tools/openstack.mjs --help`. */
import { WRONG_OPTIONS, readArguments, requireNumber } from './command-line.mjs';
import { endWithThis, openFolder } from './openstack/folder.mjs';
import { glanceIsInstalled, startGlance } from './openstack/glance.mjs';
import { keystoneIsInstalled, startKeystone } from './openstack/keystone.mjs';
import { novaIsInstalled, startNova } from './openstack/nova.mjs';
import { freePort } from './openstack/processes.mjs';

const HELP = `Usage: node tools/openstack.mjs [options]

Runs Debian's Keystone privately, and its Glance and Nova API by options: on loopback, in a folder of their own, with
nothing of the machine's. Prints what makes OpenStack's clients speak to them, and runs until Ctrl-C, or until
standard input ends if that is a pipe. In it are the projects demo, alt, admin and service, the users demo and
reader (in demo), guest (in demo, with a role of that name only), alt, admin (of the system, too), glimpse, glance
and nova (roles service and admin, in service), and glimpse-service (role service only, in service).

  --port PORT            Keystone's port (a free one)
  --folder FOLDER        where to keep everything, logs too; it stays afterwards (one that vanishes)
  --compute-url URL      the compute service of the catalog (http://127.0.0.1:8774/v2.1)
  --glance               a Glance, too
  --nova                 a Nova API, too, and that is the compute service of the catalog; its Glance is the
                         image service of the catalog
  --image-url URL        the image service of the catalog (the Glance, without one http://127.0.0.1:9292)
  --short-lived SECONDS  a second door to the same Keystone, whose tokens last so long
  --json                 print one line of JSON instead

Exit codes: 2 wrong options, 69 Keystone, Glance or Nova is not installed, 1 anything else that went wrong.
`;
const NOT_INSTALLED = 69;

const { values: options } = readArguments(
  HELP,
  {
    options: {
      port: { type: 'string' },
      folder: { type: 'string' },
      'compute-url': { type: 'string', default: 'http://127.0.0.1:8774/v2.1' },
      glance: { type: 'boolean' },
      nova: { type: 'boolean' },
      'image-url': { type: 'string' },
      'short-lived': { type: 'string' },
      json: { type: 'boolean' },
    },
  },
  ({ values }) => {
    for (const name of ['port', 'short-lived']) requireNumber(name, values[name]);
  },
);
if (!keystoneIsInstalled()) {
  console.error('keystone is not installed: apt-get install keystone');
  process.exit(NOT_INSTALLED);
}
if (options.glance && !glanceIsInstalled()) {
  console.error('glance is not installed: apt-get install glance-api');
  process.exit(NOT_INSTALLED);
}
if (options.nova && !novaIsInstalled()) {
  console.error('nova is not installed: apt-get install nova-api');
  process.exit(NOT_INSTALLED);
}

const folder = openFolder(options.folder, 'openstack');
if (!folder) process.exit(WRONG_OPTIONS);
endWithThis(folder, { keepsFolder: Boolean(options.folder) });

try {
  const glancePort = options.glance && (await freePort());
  const novaPort = options.nova && (await freePort());
  const imageUrl = options['image-url'] ?? `http://127.0.0.1:${glancePort || 9292}`;
  const computeUrl = novaPort ? `http://127.0.0.1:${novaPort}/v2.1` : options['compute-url'];
  const cloud = await startKeystone(folder, {
    port: options.port ?? (await freePort()),
    computeUrl,
    imageUrl,
    shortLived: options['short-lived'] && { port: await freePort(), seconds: options['short-lived'] },
  });
  const { authUrl, people } = cloud;
  const [glance] = await Promise.all([
    glancePort && startGlance(folder, { port: glancePort, authUrl, user: people.glance }),
    novaPort && startNova(folder, { port: novaPort, authUrl, user: people.nova, imageUrl }),
  ]);
  Object.assign(cloud, glance, novaPort && { novaUrl: computeUrl });
  process.stdout.write(options.json ? `${JSON.stringify(cloud)}\n` : openrc(cloud));
} catch (error) {
  console.error(error.cause ? `${error.message}: ${error.cause.message}` : error.message);
  process.exit(1);
}

/** The environment of the user demo for a shell, and the differences of other users. */
function openrc({ authUrl, shortLivedAuthUrl, glanceUrl, novaUrl, people }) {
  const { env: demo } = people.demo;
  return [
    `# Keystone is at ${authUrl} until Ctrl-C. This makes a shell's OpenStack clients demo:`,
    ...Object.entries(demo).map(([name, value]) => `export ${name}=${value}`),
    '',
    '# Others differ in these:',
    ...Object.values(people).map(
      ({ env }) =>
        `#   OS_USERNAME=${env.OS_USERNAME} OS_PROJECT_NAME=${env.OS_PROJECT_NAME} OS_PASSWORD=${env.OS_PASSWORD}`,
    ),
    ...(glanceUrl ? [`# Glance is at ${glanceUrl}.`] : []),
    ...(novaUrl ? [`# Nova is at ${novaUrl}.`] : []),
    ...(shortLivedAuthUrl ? [`# Tokens that end soon are to be had at ${shortLivedAuthUrl}`] : []),
    '',
  ].join('\n');
}
