import { Matching, Nested, OneOf, Optional, Text, WholeNumber } from '@glimpse/options';
import { CacheSettings, StaleSettings } from './cache.js';
import { CorsSettings } from './cors.js';
import { DataSettings } from './data.js';
import { DatabaseSettings } from './database.js';
import { BaseUrl } from './decorators.js';
import { ImageSettings } from './image.js';
import { KeystoneSettings, TokenSettings } from './keystone.js';
import { LinkSettings } from './links.js';
import { LogSettings } from './log.js';
import { MetricsSettings } from './metrics.js';
import { PluginSettings } from './plugin.js';
import { PolicySettings, PropertyProtectionSettings } from './policy.js';
import { ShutdownSettings } from './shutdown.js';
import { GlanceSettings, SourceSettings } from './source.js';

/** The injection token of the settings in effect. */
export const SETTINGS = Symbol('EffectiveSettings');

const isMaxMicroversion = (value: string): boolean => /^2\.[1-9]\d{0,5}$/.test(value);

/**
 * All settings. Each scalar one is a key of the YAML file and an environment variable: `GLIMPSE_` and the path in
 * capitals, except for the names that `load.ts` lists.
 */
export class Settings {
  @OneOf(['development', 'production'])
  mode: 'development' | 'production' = 'development';

  /** The address to listen on; unset: 127.0.0.1 in development, every address in production. */
  @Optional()
  @Text()
  host?: string;

  /** The port of the Compute API. */
  @WholeNumber(0, 65535, 'off')
  port: number | 'off' = 8774;

  /** The folder of the embedded database and the development tokens. */
  @Text()
  data_dir = '.glimpse';

  /** Whether an empty embedded catalogue gets sample images. */
  @OneOf(['on', 'off'])
  samples: 'on' | 'off' = 'on';

  /** The base of links to this service; unset: derived from the request. */
  @Optional()
  @BaseUrl()
  public_url?: string;

  /**
   * The base of links to the image service, and of the Image API's own; unset with a source: the source's URL, and the
   * request's own.
   */
  @Optional()
  @BaseUrl()
  image_url?: string;

  @Matching('a microversion such as 2.38, from 2.1 on', isMaxMicroversion)
  max_microversion = '2.38';

  /** Whether cached documents are served before a request enters the routes; `off` to compare both. */
  @OneOf(['on', 'off'])
  fast_path: 'on' | 'off' = 'on';

  /** A file of development identities, which replace the built-in ones. */
  @Optional()
  @Text()
  identities?: string;

  @Nested(() => ImageSettings)
  image = new ImageSettings();

  @Nested(() => DataSettings)
  data = new DataSettings();

  @Nested(() => DatabaseSettings)
  database = new DatabaseSettings();

  @Nested(() => CacheSettings)
  cache = new CacheSettings();

  @Nested(() => StaleSettings)
  stale = new StaleSettings();

  @Nested(() => KeystoneSettings)
  keystone = new KeystoneSettings();

  @Nested(() => TokenSettings)
  token = new TokenSettings();

  @Nested(() => SourceSettings)
  source = new SourceSettings();

  @Nested(() => GlanceSettings)
  glance = new GlanceSettings();

  @Nested(() => LinkSettings)
  links = new LinkSettings();

  @Nested(() => PolicySettings)
  policy = new PolicySettings();

  @Nested(() => PropertyProtectionSettings)
  property_protections = new PropertyProtectionSettings();

  @Nested(() => LogSettings)
  log = new LogSettings();

  @Nested(() => CorsSettings)
  cors = new CorsSettings();

  @Nested(() => MetricsSettings)
  metrics = new MetricsSettings();

  @Nested(() => ShutdownSettings)
  shutdown = new ShutdownSettings();

  @Nested(() => PluginSettings)
  extensions: PluginSettings[] = [
    PluginSettings.of('OS-EXT-IMG-SIZE', { as: 'integer' }),
    PluginSettings.of('OS-DCF'),
  ];

  /** Unset: `keystone` where Keystone's URL is set, else `development`. */
  @Optional()
  @Nested(() => PluginSettings)
  authenticator?: PluginSettings;
}

/** The settings in effect, with defaults that depend on other settings. */
export type EffectiveSettings = Settings &
  Required<Pick<Settings, 'host' | 'authenticator'>> & { image: ImageSettings & { port: number | 'off' } };
