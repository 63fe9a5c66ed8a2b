/** A statement with its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Under which connections keep its plan, where its text is always the same. */
  readonly name?: string;
}

/** Collects the values of a statement and gives each its place. */
export class Values {
  readonly all: unknown[] = [];

  add(value: unknown): string {
    return `$${this.all.push(value)}`;
  }
}
