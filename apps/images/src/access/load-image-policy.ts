import { CREDENTIAL_NAMES, loadPolicy, PolicyError, type Policy } from '@glimpse/auth';
import type { EffectiveSettings } from '../settings/settings.js';
import { imageRules, type ImageRuleDefaults } from './image-rules.js';

type PolicySettings = Pick<EffectiveSettings, 'policy' | 'source'>;

/** The defaults, by the settings, of rules that no policy file replaces. */
export function defaultsOf({ policy, source }: PolicySettings): ImageRuleDefaults {
  return policy.defaults ?? (source.use === 'glance' ? 'current' : 'own');
}

/**
 * Loads the policy that the settings name. Its defaults are those of the mirrored Glance, or those of a catalogue
 * without a source.
 *
 * @throws {PolicyError} it names the setting that leads to the file
 */
export function loadImagePolicy({ policy, source }: PolicySettings): Policy {
  try {
    return loadPolicy({
      file: policy.file,
      dirs: policy.dirs,
      defaults: imageRules(defaultsOf({ policy, source })),
      credentials: CREDENTIAL_NAMES,
    });
  } catch (error) {
    if (!(error instanceof PolicyError) || error.place.file === undefined) throw error;
    const setting = error.place.file === policy.file ? 'policy.file' : 'policy.dirs';
    const place = { ...error.place, file: `${setting} ${error.place.file}` };
    throw new PolicyError(error.reason, place, { cause: error });
  }
}
