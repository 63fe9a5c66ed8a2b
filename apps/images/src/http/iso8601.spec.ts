import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseIso8601 } from './iso8601.js';

describe('an ISO 8601 time', () => {
  it.each([
    ['2026-11-24T02:28:35Z', '2026-11-24T02:28:35.000Z'],
    ['2026-11-24T02:28:35', '2026-11-24T02:28:35.000Z'],
    ['2026-11-24 02:28:35', '2026-11-24T02:28:35.000Z'],
    ['2026-11-24T02:28', '2026-11-24T02:28:00.000Z'],
    ['2026-11-24T02', '2026-11-24T02:00:00.000Z'],
    ['2026-11-24', '2026-11-24T00:00:00.000Z'],
    ['2026-11', '2026-11-01T00:00:00.000Z'],
    ['2026', '2026-01-01T00:00:00.000Z'],
    ['20261124', '2026-11-24T00:00:00.000Z'],
    ['20261124T022835Z', '2026-11-24T02:28:35.000Z'],
    ['2026-1-2', '2026-01-02T00:00:00.000Z'],
    ['2026-11-24\n', '2026-11-24T00:00:00.000Z'],
    ['2026-11-24T02:28:35.123456789Z', '2026-11-24T02:28:35.123Z'],
    ['2026-11-24T02:28:35,5Z', '2026-11-24T02:28:35.500Z'],
    ['2026-11-24T02:28:35+02:00', '2026-11-24T00:28:35.000Z'],
    ['2026-11-24T02:28:35-0230', '2026-11-24T04:58:35.000Z'],
    ['2026-11-24T02:28:35+02', '2026-11-24T00:28:35.000Z'],
    ['2026-11-24T02:28:35 02:00', '2026-11-24T00:28:35.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
  ])('is read from %j', (text, time) => {
    expect(parseIso8601(text)?.toISOString()).toBe(time);
  });

  it.each([
    '',
    'yesterday',
    '1795487315',
    '202611',
    '0000-01-01',
    '2026-13-01',
    '2026-00',
    '2026-02-30',
    '2025-02-29',
    '2026-04-31T00:00:00Z',
    '2026-01-00',
    '2026-11-24T24:00',
    '2026-11-24T02:60',
    '2026-11-24T02:28:60',
    '2026-11-24T02:28:35+24:00',
    '2026-11-24T02:28:35.Z',
    '2026-11-24T',
    '2026-11T02',
    '+002026-11-24',
    'Tue, 24 Nov 2026 02:28:35 GMT',
    ' 2026-11-24',
    '2026-11-24\n\n',
  ])('is not %j', (text) => {
    expect(parseIso8601(text)).toBeUndefined();
  });
});

const PYTHON = '/usr/bin/python3';

/** Reads a JSON list of texts, prints the times that Nova and Glance see in them, null for none. */
const ORACLE = `
import json, sys
from oslo_utils import timeutils
def read(text):
    try:
        time = timeutils.normalize_time(timeutils.parse_isotime(text))
        return time.isoformat(timespec='milliseconds') + 'Z'
    except Exception:
        return None
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;

function hasOsloUtils(): boolean {
  if (!existsSync(PYTHON)) return false;
  try {
    execFileSync(PYTHON, ['-c', 'from oslo_utils import timeutils'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

(hasOsloUtils() ? describe : describe.skip)(
  'generated times, beside oslo.utils (skipped where it is not installed)',
  () => {
    it('are the same, or none for both', () => {
      const digits = (length: number): fc.Arbitrary<string> =>
        fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length });
      const text = fc
        .tuple(
          fc.oneof(fc.constantFrom('2020', '2024'), digits(4)),
          fc.constantFrom('', '-'),
          fc.oneof(fc.constantFrom('01', '02', '12', '1', ''), digits(2)),
          fc.constantFrom('', '-'),
          fc.oneof(fc.constantFrom('01', '29', '30', '31', '5', ''), digits(2)),
          fc.constantFrom('', 'T', 'T', ' ', 't'),
          fc.oneof(fc.constantFrom('00', '23', '24', ''), digits(2)),
          fc.constantFrom(':', ''),
          fc.constantFrom('00', '59', '60', '7', ''),
          fc.constantFrom(':', ''),
          fc.constantFrom('00', '59', '60', '7', ''),
          fc.constantFrom('', '', '.5', ',123456789', '.'),
          fc.constantFrom('', 'Z', '+02:00', '-0230', '+23:59', '-24:00', '+01', '+00:99', 'z', '+2', '\n'),
        )
        .map((parts) => parts.join(''));
      const texts = fc.sample(text, 20_000);
      const expected = JSON.parse(
        execFileSync(PYTHON, ['-c', ORACLE], { input: JSON.stringify(texts), encoding: 'utf8' }),
      ) as (string | null)[];
      const read = texts.map((each) => parseIso8601(each)?.toISOString() ?? null);
      const differences = texts
        .map((each, index) => ({ text: each, here: read[index], oslo: expected[index] }))
        .filter(({ here, oslo }) => here !== oslo);
      expect(differences).toEqual([]);
      expect(expected.filter((time) => time !== null).length).toBeGreaterThan(100);
    });
  },
);
