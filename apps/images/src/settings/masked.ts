import type { EffectiveSettings } from './settings.js';

/** Settings that are masked. */
const SECRETS: ReadonlySet<string> = new Set(['database.url', 'database.listen_url']);

/** Names of plugin options that are masked. */
const SECRET_OPTION = /password|secret|token$|api_?key$|credentials?$/i;

type Tree = { [key: string]: unknown };

/** The settings in effect as a tree to print, with secrets masked. */
export function maskedSettings(settings: EffectiveSettings): Tree {
  const text = JSON.stringify(settings, (key, value: unknown) =>
    typeof value === 'string' && SECRET_OPTION.test(key) ? '***' : value,
  );
  const tree = JSON.parse(text) as Tree;
  for (const path of SECRETS) {
    const [group, key] = path.split('.') as [string, string];
    const values = tree[group] as Tree;
    if (typeof values[key] === 'string') values[key] = masked(values[key]);
  }
  return tree;
}

/** A URL of one host or several; its form was checked before. */
function masked(url: string): string {
  return url
    .replace(/^([a-z]+:\/\/[^:@/?#]*):[^@/?#]*@/, '$1:***@')
    .replace(/([?&][^=&]*password[^=&]*=)[^&]*/gi, '$1***');
}
