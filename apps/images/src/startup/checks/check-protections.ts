import { KeystoneUnavailable, createServiceCredentials, credentialsOf } from '@glimpse/auth';
import type { Identity } from '@glimpse/domain';
import { loadImagePolicy } from '../../access/load-image-policy.js';
import { loadProtections } from '../../access/protections/property-protections.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { keystoneOptionName, keystoneOptions } from '../keystone.js';

/** The properties that a mirror lacks because Glance hides them from the service's own user. */
interface ProtectionCheck {
  /** The sections of the property protection file whose properties the mirror never has. */
  readonly hidden: readonly string[];
  /** Why the check could not be made. */
  readonly untried?: string;
}

/**
 * Compares the roles of the service's user with the property protection file: the mirror has only the properties that
 * Glance lets that user read, and no caller can be shown others. Policy rules are evaluated with the roles alone.
 */
export async function checkProtections(settings: EffectiveSettings): Promise<ProtectionCheck> {
  const { property_protections, source } = settings;
  const protections = loadProtections(property_protections, loadImagePolicy(settings));
  if (!protections || source.use !== 'glance') return { hidden: [] };
  try {
    const { roles } = await createServiceCredentials(
      keystoneOptions(settings),
      keystoneOptionName,
    ).confirmed();
    const user: Identity = {
      userId: '',
      userName: '',
      scope: { kind: 'none' },
      roles,
      accessRules: null,
      expiresAt: null,
      service: true,
    };
    return { hidden: protections.sectionsHiddenFrom(credentialsOf(user)) };
  } catch (error) {
    if (!(error instanceof KeystoneUnavailable)) throw error;
    return { hidden: [], untried: error.message };
  }
}
