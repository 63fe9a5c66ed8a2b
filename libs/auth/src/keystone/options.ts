import {
  InvalidOptions,
  HttpUrl,
  OneOf,
  Optional,
  Secret,
  Text,
  WholeNumber,
  readOptions,
} from '@glimpse/options';
import { ArrayNotEmpty, IsString } from 'class-validator';

/** The base of Keystone's version 3 API at a URL that may name it already. */
export function versionThree(url: string): string {
  return `${url.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3`;
}

/** Keystone's URL, the service's credentials, and limits. All times are in seconds. */
export class KeystoneOptions {
  /** Keystone's URL, with or without `/v3`. */
  @HttpUrl()
  authUrl!: string;

  /** Where the challenge of a 401 sends clients; unset: `authUrl`. */
  @Optional()
  @HttpUrl()
  publicUrl?: string;

  /** The service's own user, with `password` and `projectName`; or an application credential. */
  @Optional()
  @Text()
  username?: string;

  @Optional()
  @Secret()
  password?: string;

  @Optional()
  @Text()
  projectName?: string;

  /** The domains of the user and of the project, by id or else by name; unset: `default`. */
  @Optional()
  @Text()
  userDomainId?: string;

  @Optional()
  @Text()
  userDomainName?: string;

  @Optional()
  @Text()
  projectDomainId?: string;

  @Optional()
  @Text()
  projectDomainName?: string;

  @Optional()
  @Text()
  applicationCredentialId?: string;

  @Optional()
  @Secret()
  applicationCredentialSecret?: string;

  /** Which of Keystone's endpoints in the catalog validates tokens; unset: the one at `authUrl`. */
  @Optional()
  @OneOf(['public', 'internal', 'admin'])
  interface?: 'public' | 'internal' | 'admin';

  /** The region of that endpoint; unset: that of the first one in the catalog. */
  @Optional()
  @Text()
  region?: string;

  /** The authorities, as PEM text, that must sign Keystone's certificate; unset: the usual ones. */
  @Optional()
  @Text()
  ca?: string;

  /** The roles that make a token a service's. */
  @ArrayNotEmpty({ message: 'a list of role names' })
  @IsString({ each: true, message: 'a list of role names' })
  serviceRoles: string[] = ['service'];

  /** How long a valid token is not validated again. */
  @WholeNumber(0, 300)
  cache = 300;

  /** How much longer such a token is accepted while Keystone is unavailable. */
  @WholeNumber(0, 86_400)
  outage = 0;

  /** The time limit for connecting to Keystone. */
  @WholeNumber(1, 60)
  connectTimeout = 2;

  /** The time limit for the validation of a token, waiting included. */
  @WholeNumber(1, 60)
  timeout = 5;

  /** How many calls to Keystone run at a time. */
  @WholeNumber(1, 1000)
  concurrency = 16;

  /** How many more may wait. */
  @WholeNumber(0, 100_000)
  queue = 1024;
}

/** The options that each kind of credentials needs. */
const CREDENTIALS = [
  ['username', 'password', 'projectName'],
  ['applicationCredentialId', 'applicationCredentialSecret'],
] as const;

/**
 * Reads the options of Keystone.
 *
 * @param name turns an option's name into the name that messages show
 * @throws {InvalidOptions}
 */
export function readKeystoneOptions(
  raw: unknown,
  name: (path: string) => string = (path) => path || 'the options of Keystone',
): KeystoneOptions {
  const options = readOptions(KeystoneOptions, raw, name);
  const given = CREDENTIALS.filter((way) => way.some((key) => options[key] !== undefined));
  const all = CREDENTIALS.map((way) => way.map(name).join(', ')).join('; or ');
  if (given.length === 0) throw new InvalidOptions([`credentials are missing: give ${all}`]);
  if (given.length > 1) throw new InvalidOptions([`two kinds of credentials are given: give either ${all}`]);
  const missing = given.flatMap((way) => way.filter((key) => options[key] === undefined));
  if (missing.length > 0) {
    throw new InvalidOptions(missing.map((key) => `${name(key)} is missing: the credentials need it`));
  }
  return options;
}
