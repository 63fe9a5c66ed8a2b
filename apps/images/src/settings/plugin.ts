import { Text } from '@glimpse/options';
import { IsObject } from 'class-validator';

/** A plugin by its built-in name or module specifier. */
export class PluginSettings {
  @Text()
  use!: string;

  @IsObject({ message: 'a mapping of options' })
  options: Record<string, unknown> = {};

  static of(use: string, options: Record<string, unknown> = {}): PluginSettings {
    return Object.assign(new PluginSettings(), { use, options });
  }
}
