import { CREDENTIAL_NAMES, loadPolicy, type Policy } from '@glimpse/auth';
import type { EffectiveSettings } from '../settings/settings.js';
import { imageRules, type ImageRuleDefaults } from './image-rules.js';
import { ABSENT_ATTRIBUTES } from './image-target.js';

type PolicySettings = Pick<EffectiveSettings, 'policy' | 'source'>;

/** Which defaults the settings give the rules that no file replaces. */
export function defaultsOf({ policy, source }: PolicySettings): ImageRuleDefaults {
  return policy.defaults ?? (source.use === 'glance' ? 'current' : 'own');
}

/**
 * Loads the policy that the settings name. Its defaults are those of the Glance in front of which this service
 * stands, or those of a catalogue of its own.
 *
 * @throws {PolicyError}
 */
export function loadImagePolicy({ policy, source }: PolicySettings): Policy {
  return loadPolicy({
    file: policy.file,
    dirs: policy.dirs,
    defaults: imageRules(defaultsOf({ policy, source })),
    credentials: CREDENTIAL_NAMES,
    absentKeys: ABSENT_ATTRIBUTES,
  });
}
