import { readFileSync } from 'node:fs';
import {
  Parser,
  isMap,
  isNode,
  isScalar,
  parseDocument,
  visit,
  type CST,
  type Document,
  type Node,
} from 'yaml';
import { PolicyError, locate } from './error.js';
import type { RuleList } from './language.js';

/** A rule as a file has it. */
export interface WrittenRule {
  readonly name: string;
  readonly source: string | RuleList;
}

/**
 * The rules of one file in YAML, of which JSON is a part. An empty file has none.
 *
 * @throws {PolicyError} it cannot be read or parsed, or has something else than rules
 */
export function readRules(file: string): WrittenRule[] {
  const text = readable(file, () => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)));
  return locate({ file }, () => rulesOf(documentOf(text)));
}

/** Turns errors of the file system into policy errors. */
export function readable<T>(file: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw new PolicyError(`cannot be read: ${(cause as Error).message}`, { file }, { cause });
  }
}

/** A mapping of names to lists of lists nests four deep. */
const MAX_NESTING = 10;

function documentOf(text: string): Document {
  refuseDeepNesting(text);
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error === undefined) return document;
  throw new PolicyError(`broken YAML: ${error.message.split('\n')[0]}`, {}, { cause: error });
}

/** The composer of documents recurses, and Node.js may not survive the end of its stack within an expression. */
function refuseDeepNesting(text: string): void {
  const open: { token: CST.Token; depth: number }[] = [];
  for (const token of new Parser().parse(text)) open.push({ token, depth: 0 });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token } = next;
    const depth = next.depth + 1;
    if (depth > MAX_NESTING) throw new PolicyError(`broken YAML: nests deeper than ${MAX_NESTING}`);
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth });
      if (value) open.push({ token: value, depth });
    }
  }
}

function rulesOf(document: Document): WrittenRule[] {
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) throw new PolicyError('is not a mapping of rule names to rules');
  return contents.items.map(({ key, value }) => {
    const name: unknown = isScalar(key) ? key.value : undefined;
    if (typeof name !== 'string') throw new PolicyError(`${String(key)} is not the name of a rule`);
    return locate({ rule: name }, () => ({ name, source: sourceOf(value, document) }));
  });
}

function sourceOf(value: unknown, document: Document): string | RuleList {
  if (!isNode(value)) throw notARule();
  visit(value, {
    Node(_, { tag }) {
      if (tag !== undefined) throw new PolicyError(`${tag} is a tag of YAML; a rule must be in quotes`);
    },
  });
  const source = plain(value, document);
  const isList = (list: unknown, isItem: (item: unknown) => boolean) =>
    Array.isArray(list) && list.every(isItem);
  const isText = (text: unknown) => typeof text === 'string';
  if (isText(source) || isList(source, (item) => isText(item) || isList(item, isText))) {
    return source as string | RuleList;
  }
  throw notARule();
}

/** A node as a plain value, its aliases resolved. */
function plain(node: Node, document: Document): unknown {
  try {
    return node.toJS(document);
  } catch (cause) {
    throw new PolicyError(`broken YAML: ${(cause as Error).message}`, {}, { cause });
  }
}

function notARule(): PolicyError {
  return new PolicyError('is neither a text nor a list of checks');
}
