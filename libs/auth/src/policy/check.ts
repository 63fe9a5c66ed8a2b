import { pythonFloat } from '@glimpse/domain';
import { PolicyError, quote } from './error.js';

/** The right side of a check: literal parts, and keys of the target for each `%(key)s`. */
export interface Template {
  /** As it was written. */
  readonly text: string;
  readonly parts: readonly (string | { readonly key: string })[];
}

/** An operand of a rule. */
export type Check =
  /** `@`, and the empty text. */
  | { readonly type: 'true' }
  /** `!` */
  | { readonly type: 'false' }
  /** `rule:name`: the result of the rule of that name. */
  | { readonly type: 'rule'; readonly name: string }
  /** `role:name`: whether the credentials hold a role, whatever its case. */
  | { readonly type: 'role'; readonly match: Template }
  /** `'public':%(visibility)s`, `True:%(protected)s`, `2:%(min_disk)s`: a literal, as Python prints it. */
  | { readonly type: 'literal'; readonly left: string; readonly value: string; readonly match: Template }
  /** `project_id:%(owner)s`, `token.user.id:x`: a value of the credentials. */
  | { readonly type: 'credential'; readonly path: readonly string[]; readonly match: Template };

/** Kinds that send a request to another service, in the middle of a request. */
const REMOTE = new Set(['http', 'https']);

/**
 * Reads one check, `kind:match`. A check without a colon, which oslo.policy logs and refuses, or with a format that
 * Python does not have, which fails at each request there, is an error here.
 *
 * @throws {PolicyError}
 */
export function parseCheck(text: string): Check {
  if (text === '@') return { type: 'true' };
  if (text === '!') return { type: 'false' };
  const colon = text.indexOf(':');
  if (colon < 0) throw new PolicyError(`${quote(text)} is not a check: a check is written kind:match`);
  const left = text.slice(0, colon);
  const right = text.slice(colon + 1);

  if (REMOTE.has(left))
    throw new PolicyError(`checks of the kind ${left}: are not supported (${quote(text)})`);
  if (left === 'rule') return { type: 'rule', name: right };
  const match = parseTemplate(right);
  if (left === 'role') return { type: 'role', match };
  const value = literalOf(left);
  if (value !== undefined) return { type: 'literal', left, value, match };
  return { type: 'credential', path: pathOf(left), match };
}

export function printCheck(check: Check): string {
  switch (check.type) {
    case 'true':
      return '@';
    case 'false':
      return '!';
    case 'rule':
      return `rule:${check.name}`;
    case 'role':
      return `role:${check.match.text}`;
    case 'literal':
      return `${check.left}:${check.match.text}`;
    case 'credential':
      return `${check.path.join('.')}:${check.match.text}`;
  }
}

/** The part of Python's `%` formatting that policies use: `%(key)s`, whose key may have pairs of parentheses, and `%%`. */
function parseTemplate(text: string): Template {
  const parts: (string | { key: string })[] = [];
  let literal = '';
  for (let at = 0; at < text.length;) {
    const percent = text.indexOf('%', at);
    literal += text.slice(at, percent < 0 ? text.length : percent);
    if (percent < 0) break;
    if (text[percent + 1] === '%') {
      literal += '%';
      at = percent + 2;
      continue;
    }
    const end = text[percent + 1] === '(' ? closingParenthesis(text, percent + 1) : -1;
    if (end < 0 || text[end + 1] !== 's') {
      throw new PolicyError(`${quote(text.slice(percent))} is neither %(key)s nor %% (in ${quote(text)})`);
    }
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push({ key: text.slice(percent + 2, end) });
    at = end + 2;
  }
  if (literal !== '') parts.push(literal);
  return { text, parts };
}

/** The index of the matching closing parenthesis, or -1. */
function closingParenthesis(text: string, opening: number): number {
  let open = 0;
  for (let at = opening; at < text.length; at++) {
    if (text[at] === '(') open++;
    else if (text[at] === ')' && --open === 0) return at;
  }
  return -1;
}

/** A literal on the left side as Python prints it; undefined if it is not a literal. */
function literalOf(text: string): string | undefined {
  if (text === 'True' || text === 'False' || text === 'None') return text;
  if (/^'[^'\\]*'$|^"[^"\\]*"$/.test(text)) return text.slice(1, -1);
  if (/^[+-]?0+$/.test(text)) return '0';
  if (/^[+-]?[1-9]\d*$/.test(text)) return text.replace('+', '');
  if (/^[+-]?\d+\.\d+$/.test(text)) return pythonFloat(Number(text));
  return undefined;
}

/** Python's names, joined by dots; hyphens are allowed. */
const PATH_SEGMENT = /^[\p{ID_Start}_][\p{ID_Continue}]*(?:-[\p{ID_Continue}]+)*$/u;

function pathOf(text: string): string[] {
  const path = text.split('.');
  if (path.every((segment) => PATH_SEGMENT.test(segment))) return path;
  throw new PolicyError(`${quote(text)} is neither a literal nor the name of a credential`);
}
