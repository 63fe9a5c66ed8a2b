import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Parameters } from './url.js';

/** Options of TLS, or none of it. */
export type TlsAttempt = ConnectionOptions | false;

const MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof MODES)[number];

/** Where systems keep the certificates they trust, in one file. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * How a host is tried, with the meaning that libpq gives `sslmode`: `prefer`, and no mode at all, try TLS and then
 * none. A Unix socket has no TLS, whatever the mode.
 *
 * @throws what `refusal` makes of a parameter that is not allowed
 */
export function tlsAttemptsOf(
  host: string,
  parameters: Parameters,
  refusal: (problem: string) => Error,
): TlsAttempt[] {
  const { sslrootcert } = parameters;
  const given = parameters.sslmode || (sslrootcert === 'system' ? 'verify-full' : 'prefer');
  if (!MODES.includes(given as Mode)) {
    throw refusal(`sslmode = ${JSON.stringify(given)} is not allowed: it may be ${MODES.join(', ')}`);
  }
  const mode = given as Mode;
  if (sslrootcert === 'system' && mode !== 'verify-full') {
    throw refusal(`sslrootcert=system needs sslmode=verify-full, and sslmode is ${mode}`);
  }
  if (mode === 'verify-ca' && !sslrootcert) {
    throw refusal(
      'sslmode=verify-ca needs sslrootcert, a file of the certificates that the server’s must be signed by',
    );
  }
  if (mode === 'disable' || host.startsWith('/')) return [false];
  const tls = optionsOf(mode, parameters, refusal);
  return mode === 'prefer' ? [tls, false] : [tls];
}

function optionsOf(
  mode: Mode,
  { sslrootcert, sslcert, sslkey, sslpassword }: Parameters,
  refusal: (problem: string) => Error,
): ConnectionOptions {
  const read = (name: string, file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw refusal(`${name} = ${JSON.stringify(file)} cannot be read: ${(error as Error).message}`);
    }
  };
  if (!sslcert !== !sslkey) throw refusal('sslcert and sslkey belong together: one of them is missing');
  return {
    ...(sslrootcert === 'system' && systemCertificates(read)),
    ...(sslrootcert && sslrootcert !== 'system' && { ca: read('sslrootcert', sslrootcert) }),
    ...(sslcert && sslkey && { cert: read('sslcert', sslcert), key: read('sslkey', sslkey) }),
    ...(sslpassword && { passphrase: sslpassword }),
    // As in libpq, certificates that are given are what a chain is verified with, whatever the mode.
    rejectUnauthorized: mode === 'verify-full' || Boolean(sslrootcert),
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

/** What OpenSSL trusts on this machine; where there is no such file, what Node brings along. */
function systemCertificates(read: (name: string, file: string) => string): ConnectionOptions {
  const file = process.env['SSL_CERT_FILE'] || SYSTEM_BUNDLES.find((bundle) => existsSync(bundle));
  return file ? { ca: read('SSL_CERT_FILE', file) } : {};
}
