import { Optional, Secret, Text } from '@glimpse/options';

/**
 * The user whose token is sent to Glance beside a caller's, where Glance does not accept that alone. Its only
 * role is `service`. Project and domains are those of `keystone` unless given.
 */
export class ServiceUserSettings {
  @Optional()
  @Text()
  username?: string;

  @Optional()
  @Secret()
  password?: string;

  @Optional()
  @Text()
  project_name?: string;

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
