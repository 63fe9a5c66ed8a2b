import { ProtectionFileError } from './errors.js';
import { interpolate } from './interpolation.js';

/** The value of an option, continuation lines included, and its first line. */
export interface ConfigOption {
  readonly value: string;
  readonly line: number;
}

/** A section of a file as Python's `configparser` reads it, including the options of `[DEFAULT]`. */
export interface ConfigSection {
  readonly name: string;
  readonly line: number;
  /**
   * The value of an option, whose name is in lower case; undefined where neither the section nor `[DEFAULT]`
   * has it.
   *
   * @throws {ProtectionFileError} the value refers to an option that does not exist
   */
  get(option: string): ConfigOption | undefined;
}

type Options = Map<string, ConfigOption>;
const DEFAULT_SECTION = 'DEFAULT';
/** What Python's `strip()` removes. */
const BLANK = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';
const LINE = new RegExp(`^(${BLANK})(.*?)${BLANK}$`, 's');
const HEADER = /^\[(.+)\]/s;
const OPTION = new RegExp(`^(.*?)${BLANK}[=:]${BLANK}(.*)$`, 's');

/**
 * Reads the sections of a file in their order, as Python's `configparser` does: with values over several
 * lines, whole lines as comments, and no section or option twice.
 *
 * @throws {ProtectionFileError}
 */
export function readConfigFile(file: string, text: string): readonly ConfigSection[] {
  const defaults: Options = new Map();
  const sections = new Map<string, { line: number; options: Options }>();
  let options: Options | undefined;
  let section: string | undefined;
  let last: string | undefined;
  let indent = 0;

  const extend = (added: string): void => {
    const before = options!.get(last!)!;
    options!.set(last!, { ...before, value: `${before.value}\n${added}` });
  };
  for (const [index, written] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1;
    const [, before, content] = LINE.exec(written) as unknown as [string, string, string];
    if (/^[#;]/.test(content)) continue;
    if (content === '') {
      if (last !== undefined) extend('');
      continue;
    }
    if (last !== undefined && before.length > indent) {
      extend(content);
      continue;
    }
    indent = before.length;
    const header = HEADER.exec(content)?.[1];
    if (header !== undefined) {
      section = header;
      last = undefined;
      if (header === DEFAULT_SECTION) {
        options = defaults;
        continue;
      }
      if (sections.has(header))
        throw new ProtectionFileError(file, 'this section is there twice', { line, section });
      options = new Map();
      sections.set(header, { line, options });
      continue;
    }
    if (!options) throw new ProtectionFileError(file, 'a section such as [.*] has to come first', { line });
    const [, name, value] = OPTION.exec(content) ?? [];
    if (name === undefined || value === undefined || name === '') {
      throw new ProtectionFileError(file, 'this is neither a section nor a line such as read = admin', {
        line,
        section: section!,
      });
    }
    last = name.toLowerCase();
    if (options.has(last))
      throw new ProtectionFileError(file, `${last} is there twice`, { line, section: section! });
    options.set(last, { value, line });
  }
  return [...sections].map(([name, { line, options }]) => ({
    name,
    line,
    get(option) {
      const found = options.get(option) ?? defaults.get(option);
      if (!found) return undefined;
      const lookUp = (key: string) => trimmedEnd((options.get(key) ?? defaults.get(key))?.value);
      try {
        return { ...found, value: interpolate(trimmedEnd(found.value)!, lookUp) };
      } catch (error) {
        throw new ProtectionFileError(file, `${option}: ${(error as Error).message}`, {
          line: found.line,
          section: name,
        });
      }
    },
  }));
}

function trimmedEnd(value: string | undefined): string | undefined {
  return value?.replace(new RegExp(`${BLANK}$`), '');
}
