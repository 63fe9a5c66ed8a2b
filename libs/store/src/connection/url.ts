import { userInfo } from 'node:os';
import { tlsAttemptsOf, type TlsAttempt } from './tls.js';

/** A connection URL that is not accepted. The message shows no part of it that could belong to a password. */
export class BadDatabaseUrl extends Error {
  readonly code = 'bad-database-url';
}

/** One way to reach a server: a host, and whether TLS is used. */
export interface Server {
  /** A name or address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly ssl: TlsAttempt;
}

/** The contents of a connection URL. */
export interface DatabaseAddress {
  /** In the order in which they are tried. */
  readonly servers: readonly Server[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** The schema of the catalogue; undefined: the first that exists of the role's `search_path`. */
  readonly schema: string | undefined;
  /** Further start-up options, as `-c name=value`. */
  readonly options: string | undefined;
  readonly tlsNegotiation: 'postgres' | 'direct';
}

const SCHEME = /^postgres(?:ql)?:\/\//;
const DEFAULT_PORT = 5432;

/** The parameters that a connection URL may have: names of libpq, and Prisma's `schema`. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'schema',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslnegotiation',
  'target_session_attrs',
  'options',
] as const;

export type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

const ENCODE =
  'a user name, password or database name with any of : / ? # [ ] @ % in it must have them percent-encoded';

/**
 * Reads a connection URL as libpq does: several hosts, `?host=` with the folder of a Unix socket, `sslmode` and its
 * files. Certificates and keys are read from their files.
 *
 * @throws {BadDatabaseUrl}
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const scheme = SCHEME.exec(url);
  if (!scheme) throw new BadDatabaseUrl('it must be a postgresql:// URL');
  const { authority, path, query } = split(url.slice(scheme[0].length));
  const at = authority.lastIndexOf('@');
  const [user, password] = at < 0 ? [] : partsOf(authority.slice(0, at));
  const parameters = parametersOf(query);
  const database = parameters.dbname ?? decode(path);
  const name = parameters.user ?? user ?? '';
  const servers = hostsOf(authority.slice(at + 1), parameters).flatMap(({ host, port }) =>
    tlsAttemptsOf(host, parameters, (problem) => new BadDatabaseUrl(problem)).map((ssl) => ({
      host,
      port,
      ssl,
    })),
  );
  const owner = name || systemUser();
  return {
    servers,
    user: owner,
    password: parameters.password ?? (password || undefined),
    database: database || owner,
    schema: parameters.schema || undefined,
    options: parameters.options || undefined,
    tlsNegotiation: tlsNegotiationOf(parameters),
  };
}

/** Splits what follows the scheme. What a password that is not percent-encoded breaks is refused here. */
function split(text: string): { authority: string; path: string; query: string } {
  const [, authority = '', path = '', query = '', fragment] =
    /^([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s.exec(text) ?? [];
  // An @ behind a ? is a parameter's, unless it is the first one: then what is in front of it was a password's.
  const strayed =
    fragment !== undefined || /[@/]/.test(path) || (query.includes('@') && !authority.includes('@'));
  if (strayed || authority.split('@').length > 2) throw new BadDatabaseUrl(ENCODE);
  return { authority, path, query };
}

function partsOf(credentials: string): [user: string, password: string | undefined] {
  const colon = credentials.indexOf(':');
  return colon < 0
    ? [decode(credentials), undefined]
    : [decode(credentials.slice(0, colon)), decode(credentials.slice(colon + 1))];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadDatabaseUrl(ENCODE);
  }
}

function parametersOf(query: string): Parameters {
  const parameters: Record<string, string> = {};
  for (const pair of query.split('&').filter(Boolean)) {
    const [name = '', ...rest] = pair.split('=');
    if (!/^[a-z_]{1,40}$/i.test(name) || rest.length === 0) {
      throw new BadDatabaseUrl(`each parameter behind the ? must be a name=value; ${ENCODE}`);
    }
    // Connection URLs written for earlier releases have it; it requests what sslmode means here anyway.
    if (name === 'uselibpqcompat') continue;
    if (!(PARAMETERS as readonly string[]).includes(name)) {
      throw new BadDatabaseUrl(`the parameter ${name} is not known: known are ${PARAMETERS.join(', ')}`);
    }
    parameters[name] = decode(rest.join('='));
  }
  const attributes = parameters['target_session_attrs'];
  if (attributes !== undefined && !['read-write', 'primary'].includes(attributes)) {
    throw new BadDatabaseUrl(
      `target_session_attrs = ${JSON.stringify(attributes)} is not allowed: it may be read-write or primary, ` +
        'which is what is used in any case',
    );
  }
  return parameters;
}

/** The hosts of `host:port,host:port` or of `?host=` and `?port=`, each with its port. */
function hostsOf(text: string, { host, port }: Parameters): { host: string; port: number }[] {
  const named = text.split(',').map((one) => {
    const [, name = '', number] = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(one) ?? [
      undefined,
      undefined,
      one,
    ];
    return { host: decode(name).replace(/^\[(.*)\]$/, '$1'), port: number };
  });
  const hosts = host === undefined ? named.map((one) => one.host) : host.split(',');
  const ports = port === undefined ? named.map((one) => one.port) : port.split(',');
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new BadDatabaseUrl(`there must be one port, or one for each of the ${hosts.length} hosts`);
  }
  return hosts.map((name, n) => ({
    host: name || 'localhost',
    port: portOf(ports.length === 1 ? ports[0] : ports[n]),
  }));
}

function portOf(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new BadDatabaseUrl(`a port must be a whole number from 1 to 65535; ${ENCODE}`);
}

function tlsNegotiationOf({ sslnegotiation = 'postgres', sslmode = '' }: Parameters): 'postgres' | 'direct' {
  if (sslnegotiation === 'postgres') return 'postgres';
  if (sslnegotiation !== 'direct') {
    throw new BadDatabaseUrl(
      `sslnegotiation = ${JSON.stringify(sslnegotiation)} is not allowed: it may be postgres or direct`,
    );
  }
  if (!/^(?:require|verify-ca|verify-full)$/.test(sslmode)) {
    throw new BadDatabaseUrl('sslnegotiation=direct needs sslmode=require, verify-ca or verify-full');
  }
  return 'direct';
}

/** The user of libpq where the URL has none. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new BadDatabaseUrl('it must name a user');
  }
}
