import { Matching, OneOf, Secret } from '@glimpse/options';
import { configuredBaseUrl } from '@glimpse/links';

/** The base URL of a service. */
export const BaseUrl = (): PropertyDecorator =>
  Matching(
    'an http or https URL without query, fragment or credentials',
    (value) => configuredBaseUrl(value) !== undefined,
  );

/** The URL of a PostgreSQL; its parts are checked with the other settings. */
export const DatabaseUrl = (): PropertyDecorator =>
  Secret('a postgresql:// URL', (value) => /^postgres(?:ql)?:\/\//.test(value));

/** An interface of Keystone's catalog, also as openrc files spell it: `internalURL`. */
export const EndpointInterface = (): PropertyDecorator =>
  OneOf(['public', 'internal', 'admin'], (text) => text.toLowerCase().replace(/url$/, ''));
