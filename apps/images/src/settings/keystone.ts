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
 * The user whose token is sent to Glance along with a caller's, where Glance does not accept the caller's alone. Its
 * only role is `service`. Project and domains default to those of `keystone`.
 */
export class ServiceUserSettings extends UserSettings {}

/** Keystone, and the service's own user there; domains default to `default`. */
export class KeystoneSettings extends UserSettings {
  /** The URL of Keystone. */
  @Optional()
  @BaseUrl()
  auth_url?: string;

  /** The URL in the challenge of a 401. */
  @Optional()
  @BaseUrl()
  public_url?: string;

  /** The interface and region of the catalog's identity endpoint that validates tokens; unset: `auth_url`. */
  @Optional()
  @EndpointInterface()
  interface?: 'public' | 'internal' | 'admin';

  @Optional()
  @Text()
  region_name?: string;

  /** A file with the certificates of the authorities that Keystone's certificate must be signed by. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;

  /** The most requests to Keystone that run at once, and that wait in the queue. */
  @WholeNumber(1, 1000)
  concurrency = 16;

  @WholeNumber(0, 100_000)
  queue = 1024;

  @Nested(() => ServiceUserSettings)
  service_user = new ServiceUserSettings();
}

export class TokenSettings {
  /** Seconds for which a validated token is cached. */
  @WholeNumber(0, 300)
  cache = 300;

  /** Additional seconds for which it is accepted while Keystone is unavailable. */
  @WholeNumber(0, 86_400)
  outage = 0;

  /** The roles that identify a service token. */
  @ArrayNotEmpty({ message: 'a list of role names' })
  @IsString({ each: true, message: 'a list of role names' })
  service_roles: string[] = ['service'];

  /** The type of this service in the catalog, which access rules of application credentials name. */
  @Text()
  service_type = 'compute';
}
