import { OneOf, Optional, Text } from '@glimpse/options';
import { IsArray, IsString } from 'class-validator';

export class PolicySettings {
  /** A policy file in oslo.policy's language, in YAML or JSON; its rules replace the defaults. */
  @Optional()
  @Text()
  file?: string;

  /** The defaults of the mirrored Glance, for rules that no file replaces: those since 2023.1, or before. */
  @Optional()
  @OneOf(['current', 'legacy'])
  defaults?: 'current' | 'legacy';

  /** Folders of such files, which replace rules of `file`, in the order of their names. */
  @IsArray({ message: 'a list of folders' })
  @IsString({ each: true, message: 'a list of folders' })
  dirs: string[] = [];
}

export class PropertyProtectionSettings {
  /** Which callers may create, read, update and delete which custom properties: Glance's `property_protection_file`. */
  @Optional()
  @Text()
  file?: string;

  /** Whether its lines name roles, or rules of the policy. */
  @OneOf(['roles', 'policies'])
  rule_format: 'roles' | 'policies' = 'roles';
}
