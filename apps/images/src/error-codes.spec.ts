import { readFileSync, readdirSync } from 'node:fs';
import { Unauthenticated } from '@glimpse/auth';
import { DomainError } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import * as compute from './compute/faults.js';
import * as image from './image/faults.js';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/error-codes.md', root), 'utf8');
const rows = [...page.matchAll(/^\| `([a-z-]+)`\s+\| `(\w+)`\s+\| ([\w-]+)\s+\|/gm)].map(
  ([, code, name, third]) => ({ code: code!, name: name!, status: /^\d+$/.test(third!) ? Number(third) : 0 }),
);

/** The TypeScript of each package but its specs, their fakes, and what is generated. */
function sources(): string[] {
  const packages = readdirSync(new URL('libs', root)).map((name) => `libs/${name}/src/`);
  return ['apps/images/src/', ...packages].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|^generated|^testing\/fake-/.test(file))
      .map((file) => readFileSync(new URL(folder + file, root), 'utf8')),
  );
}

/** Code and name of each class with a code of its own. The numbers of PostgreSQL's SQLSTATEs are not of these. */
function declared(): string[] {
  return sources().flatMap((source) =>
    source.split(/^(?=.*\bclass \w)/m).flatMap((text) => {
      const name = /\bclass (\w+)/.exec(text)?.[1];
      const code = /\breadonly code\b[^;]*?= '([a-z-]+)'/.exec(text)?.[1];
      return code === undefined ? [] : [`${code} ${name}`];
    }),
  );
}

/** The APIs that have a response to an error, the Compute API first. */
function expecting(error: Error): readonly (typeof compute)[] {
  return [compute, image].filter(({ isExpected }) => isExpected(error));
}

class SomeError extends DomainError {
  constructor(readonly code: string) {
    super('some error');
  }
}

describe('the page of error codes', () => {
  it('has a row for each class that has a code, and no other', () => {
    expect(rows.map(({ code, name }) => `${code} ${name}`).sort()).toEqual(declared().sort());
  });

  it.each(rows.filter(({ status }) => status > 0))(
    'names the status of $code: $status',
    ({ code, status }) => {
      const error = code === 'unauthenticated' ? new Unauthenticated('Keystone') : new SomeError(code);
      expect(expecting(error)[0]?.faultOf(error).status).toBe(status);
    },
  );

  it.each(rows.filter(({ status, code }) => status === 0 && code !== 'overloaded'))(
    'lists $code among those that are no response',
    ({ code }) => {
      expect(expecting(new SomeError(code))).toEqual([]);
    },
  );
});
