import type { EffectiveSettings } from '../settings/settings.js';
import { builtInIdentities } from './identities.js';
import { PAGE_IMAGE } from './samples.js';

/** The URL of each API that is served. */
export interface ServedUrls {
  readonly compute?: string;
  readonly image?: string;
}

/**
 * The first text that a developer sees: the URL of each API, the built-in tokens, and a command to paste for each. For
 * standard output only; the log never holds a token.
 */
export function welcome({ compute, image }: ServedUrls, settings: EffectiveSettings): string {
  const lines = [
    '',
    ...(compute === undefined ? [] : [`Glimpse is ready at ${compute} (Compute API)`]),
    ...(image === undefined ? [] : [`Glimpse is ready at ${image} (Image API)`]),
    '',
  ];
  if (settings.authenticator.use === 'development' && !settings.identities) {
    const identities = Object.entries(builtInIdentities(settings.data_dir));
    const [first] = identities[0]!;
    for (const [token, { user_name, project_name, project_id, roles }] of identities) {
      lines.push(
        `  ${user_name.padEnd(8)} ${token}   project ${project_name} ${project_id}, roles ${roles.join(', ')}`,
      );
    }
    const curl = (url: string): string => `  curl -s -H 'X-Auth-Token: ${first}' ${url}/images/${PAGE_IMAGE}`;
    lines.push('');
    if (compute !== undefined) lines.push(curl(`${compute}/v2.1`));
    if (image !== undefined) {
      lines.push(curl(`${image}/v2`));
      lines.push(
        `  openstack --os-auth-type admin_token --os-endpoint ${image}/v2 --os-token ${first} image list`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}
