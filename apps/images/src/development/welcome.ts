import type { EffectiveSettings } from '../settings/settings.js';
import { builtInIdentities } from './identities.js';
import { PAGE_IMAGE } from './samples.js';

/**
 * The first text that a developer sees: the URL of the service, the built-in tokens, and a command to paste. For
 * standard output only; the log never holds a token.
 */
export function welcome(url: string, settings: EffectiveSettings): string {
  const lines = ['', `Glimpse is ready at ${url}`, ''];
  if (settings.authenticator.use === 'development' && !settings.identities) {
    const identities = Object.entries(builtInIdentities(settings.data_dir));
    const [first] = identities[0]!;
    for (const [token, { user_name, project_name, project_id, roles }] of identities) {
      lines.push(
        `  ${user_name.padEnd(8)} ${token}   project ${project_name} ${project_id}, roles ${roles.join(', ')}`,
      );
    }
    lines.push('', `  curl -s -H 'X-Auth-Token: ${first}' ${url}/v2.1/images/${PAGE_IMAGE}`, '');
  }
  return lines.join('\n');
}
