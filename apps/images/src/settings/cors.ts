import { Matching, Optional, Text, TrueOrFalse, WholeNumber } from '@glimpse/options';

const isOriginList = (value: string): boolean =>
  value.split(',').every((origin) => /^(?:\*|https?:\/\/[^/?#\s@]+)$/.test(origin.trim()));
const ORIGINS =
  'origins such as https://horizon.example.com, separated by commas and without a slash at the end, or *';

/** The origins whose web pages may use the API, with the names, defaults and meaning of Nova's `[cors]`. */
export class CorsSettings {
  /** Their origins, or `*` for all; unset: none. */
  @Optional()
  @Matching(ORIGINS, isOriginList)
  allowed_origin?: string;

  @TrueOrFalse()
  allow_credentials = true;

  /** Unset: Nova's. */
  @Optional()
  @Text()
  expose_headers?: string;

  /** Seconds for which a browser may keep the response to a preflight. */
  @WholeNumber(0, 86_400)
  max_age = 3600;

  @Text()
  allow_methods = 'GET,PUT,POST,DELETE,PATCH';

  @Optional()
  @Text()
  allow_headers?: string;
}
