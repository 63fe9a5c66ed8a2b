import { Nested, Optional, Secret, Text, WholeNumber } from '@glimpse/options';
import { ArrayNotEmpty, IsString } from 'class-validator';
import { BaseUrl, EndpointInterface } from './decorators.js';

/** A user of Keystone, with its password and project; or an application credential. */
class UserSettings {
  @Optional()
  @Text()
  username?: string;

  @Optional()
  @Secret()
  password?: string;

  @Optional()
  @Text()
  project_name?: string;

  /** The domains of the user and of the project, by id or else by name. */
  @Optional()
  @Text()
  user_domain_id?: string;

  @Optional()
  @Text()
  user_domain_name?: string;

  @Optional()
  @Text()
  project_domain_id?: string;

  @Optional()
  @Text()
  project_domain_name?: string;

  @Optional()
  @Text()
  application_credential_id?: string;

  @Optional()
  @Secret()
  application_credential_secret?: string;
}

/**
 * The user whose token is sent to Glance beside a caller's, where Glance does not accept that alone. Its only
 * role is `service`. Project and domains are those of `keystone` unless given.
 */
export class ServiceUserSettings extends UserSettings {}

/** Keystone, and the service's own user there; domains unless given: `default`. */
export class KeystoneSettings extends UserSettings {
  /** Where Keystone is. */
  @Optional()
  @BaseUrl()
  auth_url?: string;

  /** Where the challenge of a 401 sends clients. */
  @Optional()
  @BaseUrl()
  public_url?: string;

  /** Which of the catalog's identity endpoints validates tokens, and in which region; unset: `auth_url`. */
  @Optional()
  @EndpointInterface()
  interface?: 'public' | 'internal' | 'admin';

  @Optional()
  @Text()
  region_name?: string;

  /** A file of the certificates that Keystone's own must be signed by. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;

  /** Calls that run at once, and that wait for it. */
  @WholeNumber(1, 1000)
  concurrency = 16;

  @WholeNumber(0, 100_000)
  queue = 1024;

  @Nested(() => ServiceUserSettings)
  service_user = new ServiceUserSettings();
}

export class TokenSettings {
  /** Seconds for which a token that Keystone knew is not asked about again. */
  @WholeNumber(0, 300)
  cache = 300;

  /** Seconds for which it counts beyond that while Keystone cannot be asked. */
  @WholeNumber(0, 86_400)
  outage = 0;

  /** The roles that make a token a service's. */
  @ArrayNotEmpty({ message: 'a list of role names' })
  @IsString({ each: true, message: 'a list of role names' })
  service_roles: string[] = ['service'];

  /** The type of this service in the catalog, which access rules of application credentials name. */
  @Text()
  service_type = 'compute';
}
