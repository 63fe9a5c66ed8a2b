import type { AccessRule } from '@glimpse/domain';

function matchesSegment(pattern: string, segment: string): boolean {
  if (pattern === '*' || /^\{[^{}]*\}$/.test(pattern)) return segment !== '';
  return pattern === segment;
}

/**
 * Whether a path of an access rule covers a path. `*` and `{name}` are one segment, `**` any number of segments,
 * everything else is literal. The time is bounded by the product of both lengths, for every rule.
 */
export function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const segments = path.split('/');
  let at = 0;
  let rest = -1;
  let resume = 0;
  for (let i = 0; i < segments.length;) {
    if (wanted[at] === '**') {
      rest = at++;
      resume = i;
    } else if (at < wanted.length && matchesSegment(wanted[at]!, segments[i]!)) {
      at++;
      i++;
    } else if (rest >= 0) {
      at = rest + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((segment) => segment === '**');
}

/**
 * Whether the access rules of an application credential allow a request.
 *
 * @param serviceType the type of this service, such as `compute`
 * @param path the path that the router matches, not the path that was sent
 */
export function allowedByAccessRules(
  rules: readonly AccessRule[],
  serviceType: string,
  method: string,
  path: string,
): boolean {
  return rules.some(
    (rule) => rule.service === serviceType && rule.method === method && matchesPath(rule.path, path),
  );
}
