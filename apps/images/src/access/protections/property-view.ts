import type { Image, PropertyChange } from '@glimpse/domain';
import { PropertyProtected } from './errors.js';
import type { Operation } from './protection-rules.js';

type Properties = Image['properties'];

/** What one caller may do with properties, by the index of the rule that decides for each. */
export class PropertyView {
  /** The same for all callers that may read the same properties. */
  readonly readKey: string;

  constructor(
    private readonly decisions: Readonly<Record<Operation, readonly boolean[]>>,
    private readonly matching: (name: string) => number,
  ) {
    this.readKey = decisions.read.map((allowed) => (allowed ? '1' : '0')).join('');
  }

  may(operation: Operation, name: string): boolean {
    return this.decisions[operation][this.matching(name)] ?? false;
  }

  /** Whether the caller may read the properties for which a rule decides. */
  mayReadBy(rule: number): boolean {
    return this.decisions.read[rule] ?? false;
  }

  /** The properties that the caller may read; the same object where those are all. */
  readable(properties: Properties): Properties {
    const names = Object.keys(properties);
    const readable = names.filter((name) => this.may('read', name));
    if (readable.length === names.length) return properties;
    return Object.fromEntries(readable.map((name) => [name, properties[name]!]));
  }

  /**
   * Checks a change as Glance checks the request that Nova sends for it: only the differences from what the caller
   * reads. Writing a property that is hidden from the caller counts as creating it.
   *
   * @param before the properties that the caller reads
   * @throws {PropertyProtected}
   */
  checkChange(id: string, change: PropertyChange, before: Properties): void {
    for (const [operation, name] of operationsOf(change, before)) {
      if (!this.may(operation, name)) throw new PropertyProtected(id, name);
    }
  }

  /** A change that preserves the properties which the caller neither reads nor names. */
  sparing(change: PropertyChange, stored: Properties): PropertyChange {
    if (change.kind !== 'replace') return change;
    const keep = Object.keys(stored).filter((name) => !this.may('read', name));
    return keep.length === 0 ? change : { ...change, keep };
  }

  /** Whether the result of {@link checkChange} is the same whatever properties an image has. */
  isDecided(change: PropertyChange): boolean {
    if (change.kind === 'remove') return true;
    if (change.kind === 'replace') return false;
    return Object.keys(change.properties).every(
      (name) => this.may('create', name) && this.may('update', name),
    );
  }
}

function operationsOf(change: PropertyChange, before: Properties): (readonly [Operation, string])[] {
  if (change.kind === 'remove') return [['delete', change.key]];
  const { kind, properties } = change;
  const deleted =
    kind === 'replace' ? Object.keys(before).filter((name) => !Object.hasOwn(properties, name)) : [];
  const written = Object.entries(properties).filter(([name, value]) => before[name] !== value);
  return [
    ...deleted.map((name) => ['delete', name] as const),
    ...written.map(
      ([name]) => [Object.hasOwn(before, name) ? ('update' as const) : ('create' as const), name] as const,
    ),
  ];
}
