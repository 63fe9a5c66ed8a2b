/** Settings whose environment variable has OpenStack's or PostgreSQL's usual name. */
const STANDARD_NAMES: Readonly<Record<string, string>> = {
  'database.url': 'DATABASE_URL',
  'database.listen_url': 'DATABASE_LISTEN_URL',
  'database.pooler': 'DATABASE_POOLER',
  'keystone.auth_url': 'OS_AUTH_URL',
  'keystone.username': 'OS_USERNAME',
  'keystone.password': 'OS_PASSWORD',
  'keystone.project_name': 'OS_PROJECT_NAME',
  'keystone.user_domain_id': 'OS_USER_DOMAIN_ID',
  'keystone.user_domain_name': 'OS_USER_DOMAIN_NAME',
  'keystone.project_domain_id': 'OS_PROJECT_DOMAIN_ID',
  'keystone.project_domain_name': 'OS_PROJECT_DOMAIN_NAME',
  'keystone.application_credential_id': 'OS_APPLICATION_CREDENTIAL_ID',
  'keystone.application_credential_secret': 'OS_APPLICATION_CREDENTIAL_SECRET',
  'keystone.interface': 'OS_INTERFACE',
  'keystone.region_name': 'OS_REGION_NAME',
  'keystone.cacert': 'OS_CACERT',
  'source.use': 'GLIMPSE_SOURCE',
};

/** The environment variable of a scalar setting; its path where it is one of a list, which has no variables. */
export function environmentName(path: string): string {
  if (/\.\d+\./.test(path)) return path;
  return STANDARD_NAMES[path] ?? `GLIMPSE_${path.toUpperCase().replaceAll('.', '_')}`;
}
