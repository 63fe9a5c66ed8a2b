import { anyCharacter, boundary, classItem, rangeItem, type Flags } from './characters.js';
import { PatternError, unsupported } from './errors.js';
import { readEscape, type Escape } from './escapes.js';
import { readFlags } from './flags.js';
import { readQuantifier, type Quantifier } from './quantifier.js';
import type { Scanner } from './scanner.js';

/** A part of a pattern as JavaScript writes it, and how many characters it matches. */
interface Part {
  readonly source: string;
  readonly min: number;
  readonly max: number;
  /** Why no quantifier may follow it. */
  readonly kind?: 'boundary' | 'repeated';
}

const DEFAULT_FLAGS: Flags = {
  ignoreCase: false,
  ascii: false,
  multiline: false,
  dotAll: false,
  verbose: false,
};

/** Translates a pattern while it reads it. */
export class Parser {
  #flags = DEFAULT_FLAGS;
  readonly #names = new Set<string>();
  #atomicGroups = 0;
  /** How many lookbehinds are open. */
  #behind = 0;

  constructor(private readonly scanner: Scanner) {}

  /** @throws {PatternError} */
  parse(): string {
    const { source } = this.#choice(undefined);
    if (this.scanner.next !== undefined) throw this.scanner.error('unbalanced parenthesis');
    return source;
  }

  /** The contents of a group, or the whole pattern, whose flags are read along with it. */
  #choice(flags: Flags | undefined): Part {
    const branches = [this.#sequence(flags, flags === undefined)];
    while (this.scanner.accept('|')) branches.push(this.#sequence(flags, false));
    if (branches.length === 1) return branches[0]!;
    return {
      source: `(?:${branches.map(({ source }) => source).join('|')})`,
      min: Math.min(...branches.map(({ min }) => min)),
      max: Math.max(...branches.map(({ max }) => max)),
    };
  }

  #sequence(scoped: Flags | undefined, mayStart: boolean): Part {
    const parts: Part[] = [];
    for (let next = this.scanner.next; next !== undefined && !/^[|)]$/.test(next); next = this.scanner.next) {
      const flags = scoped ?? this.#flags;
      const part = this.#part(parts.at(-1), flags, mayStart && parts.length === 0);
      if (part === undefined) continue;
      if (part.kind === 'repeated') parts.pop();
      parts.push(part);
    }
    return {
      source: parts.map(({ source }) => source).join(''),
      min: parts.reduce((sum, { min }) => sum + min, 0),
      max: parts.reduce((sum, { max }) => sum + max, 0),
    };
  }

  /** The next part; for a quantifier, the repeated form of the part before. Undefined for what matches nothing. */
  #part(before: Part | undefined, flags: Flags, atStart: boolean): Part | undefined {
    const { scanner } = this;
    const quantifier = readQuantifier(scanner);
    if (quantifier) return this.#repeated(before, quantifier);
    const token = scanner.advance()!;
    if (flags.verbose && /^[ \t\n\r\v\f]$/.test(token)) return undefined;
    if (flags.verbose && token === '#') {
      for (let next = scanner.advance(); next !== undefined && next !== '\n';) next = scanner.advance();
      return undefined;
    }
    if (token === '(') return this.#group(flags, atStart);
    if (token === '[') return character(this.#set(flags));
    if (token === '.') return character(anyCharacter(flags));
    if (token === '^' || token === '$') return between(boundary(token, flags));
    if (!token.startsWith('\\'))
      return character(`[${rangeItem(token.codePointAt(0)!, token.codePointAt(0)!, flags)}]`);
    const letter = token.slice(1);
    if (/^[AZbB]$/.test(letter)) return between(boundary(letter as 'A' | 'Z' | 'b' | 'B', flags));
    return character(`[${itemOf(readEscape(scanner, token, false), flags)}]`);
  }

  #repeated(before: Part | undefined, { min, max, text, mode }: Quantifier): Part {
    if (!before || before.kind === 'boundary') throw this.scanner.error('nothing to repeat');
    if (before.kind === 'repeated') throw this.scanner.error('multiple repeat');
    const body = `(?:${before.source})${text}`;
    const source = mode === 'possessive' ? this.#atomic(body) : body + (mode === 'lazy' ? '?' : '');
    return { source, min: before.min * min, max: times(before.max, max), kind: 'repeated' };
  }

  /** An atomic group, which is never backtracked into: in JavaScript a lookahead and a reference to its match. */
  #atomic(body: string): string {
    if (this.#behind > 0) throw unsupported('an atomic group or possessive quantifier in a lookbehind');
    const name = `atomic${++this.#atomicGroups}`;
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  }

  /** The rest of a group, after its opening parenthesis. */
  #group(flags: Flags, atStart: boolean): Part | undefined {
    const { scanner } = this;
    if (!scanner.accept('?')) return this.#closed(this.#choice(flags));
    const kind = scanner.advance();
    switch (kind) {
      case 'P':
        this.#readName();
        return this.#closed(this.#choice(flags));
      case ':':
        return this.#closed(this.#choice(flags));
      case '>': {
        const { source, min, max } = this.#closed(this.#choice(flags));
        return { source: this.#atomic(source), min, max };
      }
      case '#':
        for (let next = scanner.advance(); next !== ')'; next = scanner.advance()) {
          if (next === undefined) throw scanner.error('missing ), unterminated comment');
        }
        return undefined;
      case '=':
      case '!':
        return around(`(?${kind}${this.#closed(this.#choice(flags)).source})`);
      case '<':
        return this.#lookbehind(flags);
      case '(':
        throw unsupported('(?(…), a condition on a group,');
      case undefined:
        throw scanner.error('unexpected end of pattern');
      default:
        return this.#flagged(kind, flags, atStart);
    }
  }

  #closed({ source, min, max }: Part): Part {
    if (!this.scanner.accept(')')) throw this.scanner.error('missing ), unterminated subpattern');
    return { source: `(?:${source})`, min, max };
  }

  #lookbehind(flags: Flags): Part {
    const kind = this.scanner.advance();
    if (kind !== '=' && kind !== '!') throw this.scanner.error(`unknown extension ?<${kind ?? ''}`);
    this.#behind++;
    const { source, min, max } = this.#closed(this.#choice(flags));
    this.#behind--;
    if (min !== max) throw new PatternError('look-behind requires fixed-width pattern');
    return around(`(?<${kind}${source})`);
  }

  /** The name of a group. Names have no effect, because references to groups are not supported. */
  #readName(): void {
    const { scanner } = this;
    if (scanner.accept('=')) throw unsupported('(?P=…), a reference to a group,');
    if (!scanner.accept('<')) throw scanner.error(`unknown extension ?P${scanner.advance() ?? ''}`);
    const name = scanner.readUntil('>', 'group name');
    if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)) {
      throw scanner.error(`bad character in group name ${JSON.stringify(name)}`);
    }
    if (this.#names.has(name)) throw scanner.error(`redefinition of group name ${JSON.stringify(name)}`);
    this.#names.add(name);
  }

  /** `(?i)` for all of the pattern, or `(?i:…)`. */
  #flagged(first: string, flags: Flags, atStart: boolean): Part | undefined {
    const { scanner } = this;
    const { changed, scoped } = readFlags(scanner, first, flags);
    if (scoped) return this.#closed(this.#choice(changed));
    if (!atStart) throw scanner.error('global flags not at the start of the expression');
    this.#flags = changed;
    return undefined;
  }

  /** The rest of a character class, after its opening bracket. */
  #set(flags: Flags): string {
    const { scanner } = this;
    const negated = scanner.accept('^');
    const items: string[] = [];
    for (;;) {
      const token = scanner.advance();
      if (token === undefined) throw scanner.error('unterminated character set');
      if (token === ']' && items.length > 0) break;
      const first = this.#member(token);
      if (!scanner.accept('-')) {
        items.push(itemOf(first, flags));
        continue;
      }
      const end = scanner.advance();
      if (end === undefined) throw scanner.error('unterminated character set');
      if (end === ']') {
        items.push(itemOf(first, flags), itemOf({ code: 0x2d }, flags));
        break;
      }
      const last = this.#member(end);
      if ('letter' in first || 'letter' in last || last.code < first.code) {
        throw scanner.error(`bad character range ${token}-${end}`);
      }
      items.push(rangeItem(first.code, last.code, flags));
    }
    return `[${negated ? '^' : ''}${items.join('')}]`;
  }

  #member(token: string): Escape {
    return token.startsWith('\\') ? readEscape(this.scanner, token, true) : { code: token.codePointAt(0)! };
  }
}

function itemOf(escape: Escape, flags: Flags): string {
  return 'letter' in escape ? classItem(escape.letter, flags) : rangeItem(escape.code, escape.code, flags);
}

function character(source: string): Part {
  return { source, min: 1, max: 1 };
}

function between(source: string): Part {
  return { source, min: 0, max: 0, kind: 'boundary' };
}

function around(source: string): Part {
  return { source, min: 0, max: 0 };
}

/** The product of two counts, where zero times infinity is zero. */
function times(width: number, count: number): number {
  return width === 0 ? 0 : width * count;
}
