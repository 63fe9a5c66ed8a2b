import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { canonicalSpelling, isFernetToken } from './token-spelling.js';

/** Tokens whose texts have one to three blocks, so that every remainder of a base64 length occurs. */
const TOKENS = [1, 2, 3].map((blocks) => {
  const time = Buffer.from([0x80, 0, 0, 0, 0, 0x6a, 1, 2, 3]);
  return Buffer.concat([time, randomBytes(16 + blocks * 16 + 32)]).toString('base64url');
});

const surplusBits = (token: string): string[] => {
  const bytes = Buffer.from(token, 'base64url');
  return [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map((last) => token.slice(0, -1) + last)
    .filter((spelling) => Buffer.from(spelling, 'base64url').equals(bytes));
};

/** Spellings that a client may send of one token; Keystone takes some of them. */
const spellings = (token: string): string[] => [
  ...['', '=', '==', '===', '====', '!', '!!', '=!', '==junk', '===junk', '~=', '.'].map(
    (end) => token + end,
  ),
  ...surplusBits(token),
  token.replaceAll('-', '+').replaceAll('_', '/'),
  `${token.slice(0, 40)}*${token.slice(40)}`,
  `${token.slice(0, 40)}****${token.slice(40)}`,
  `${token.slice(0, 42)}=${token.slice(42)}`,
  `${token.slice(0, 42)}==${token.slice(42)}`,
];

const PYTHON = `
import base64, sys
for line in sys.stdin.read().split('\\n'):
    padded = line + '=' * (-len(line) % 4)
    try:
        print(base64.urlsafe_b64decode(padded.encode()).hex())
    except Exception:
        print('refused')
`;
const python = spawnSync('python3', ['--version']).status === 0;

describe('the canonical spelling of a Fernet token', () => {
  it.each(TOKENS)('is the one that Keystone issues: %s', (token) => {
    expect(canonicalSpelling(token)).toBe(token);
    expect(isFernetToken(token)).toBe(true);
    for (const spelling of [`${token}=`, `${token}==`, `${token}===`, ...surplusBits(token)]) {
      expect({ spelling, canonical: canonicalSpelling(spelling) }).toEqual({ spelling, canonical: token });
    }
  });

  (python ? it : it.skip)(
    `is shared by all spellings that Python decodes to the same bytes, and by no other${python ? '' : ' (skipped: python3 is not installed)'}`,
    () => {
      for (const token of TOKENS) {
        const sent = spellings(token);
        const { stdout } = spawnSync('python3', ['-c', PYTHON], { input: sent.join('\n'), encoding: 'utf8' });
        const decoded = stdout.trim().split('\n');
        const bytes = Buffer.from(token, 'base64url').toString('hex');
        expect(decoded).toHaveLength(sent.length);
        expect(decoded.filter((one) => one === bytes).length).toBeGreaterThan(6);
        sent.forEach((spelling, index) => {
          const same = canonicalSpelling(spelling) === token;
          expect({ spelling, same }).toEqual({ spelling, same: decoded[index] === bytes });
        });
      }
    },
  );

  it.each([
    'made-up',
    'gAAAAA-not-a-token',
    'gAAAAABmade=up==',
    'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2ln=',
    '0123456789abcdef0123456789abcdef',
    '',
  ])('is what was sent where that is no Fernet token: %j', (token) => {
    expect(canonicalSpelling(token)).toBe(token);
    expect(isFernetToken(token)).toBe(false);
  });
});
