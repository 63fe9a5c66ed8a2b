/** Fernet's version byte and the upper bytes of its time, as every Fernet token begins until the year 2106. */
const FERNET_START = 'gAAAAA';
const FERNET_VERSION = 0x80;
/** Bytes of a Fernet token without its text: version, time, initialization vector and signature. */
const FERNET_OVERHEAD_BYTES = 1 + 8 + 16 + 32;
const FERNET_BLOCK_BYTES = 16;

const ALPHABET = /^[A-Za-z0-9_-]$/;
/** What a base64url text may end with: by its length modulo 4, the characters whose unused bits are zero. */
const USUAL = { 2: /^[A-Za-z0-9_-]*[AQgw]$/, 3: /^[A-Za-z0-9_-]*[AEIMQUYcgkosw048]$/, 0: /^[A-Za-z0-9_-]*$/ };

/**
 * The canonical spelling of a Fernet token, whichever of its spellings a client sends. Keystone decodes
 * a token with Python's lenient base64: it fills up missing padding and ignores surplus padding, unused bits,
 * characters outside the alphabet, and everything behind complete padding. Spellings with one result here have
 * the same decoded bytes there, so they are one token. A token that is not Fernet's is its own spelling.
 *
 * @see {@link https://docs.python.org/3/library/binascii.html#binascii.a2b_base64}
 */
export function canonicalSpelling(token: string): string {
  if (!token.startsWith(FERNET_START)) return token;
  if (isUsual(token)) return token;
  const bytes = decodedByPython(token);
  return bytes && isFernet(bytes) ? bytes.toString('base64url') : token;
}

/** Whether a token has the form of Fernet's: every other one is invalid for a Keystone that issues those. */
export function isFernetToken(token: string): boolean {
  if (!token.startsWith(FERNET_START)) return false;
  const bytes = isUsual(token) ? Buffer.from(token, 'base64url') : decodedByPython(token);
  return bytes !== undefined && isFernet(bytes);
}

/** Whether a text is spelled as Keystone spells tokens: without padding, its unused bits zero. */
function isUsual(text: string): boolean {
  return USUAL[(text.length % 4) as 0]?.test(text) ?? false;
}

function isFernet(bytes: Buffer): boolean {
  const text = bytes.length - FERNET_OVERHEAD_BYTES;
  return bytes[0] === FERNET_VERSION && text > 0 && text % FERNET_BLOCK_BYTES === 0;
}

/** `base64.urlsafe_b64decode(token)` after the padding was filled up to a multiple of four; undefined: it throws. */
function decodedByPython(token: string): Buffer | undefined {
  let characters = '';
  let padding = 0;
  for (const character of token.padEnd(Math.ceil(token.length / 4) * 4, '=')) {
    if (character === '=') {
      const position = characters.length % 4;
      if (position >= 2 && position + ++padding >= 4) return Buffer.from(characters, 'base64url');
      continue;
    }
    const urlSafe = character === '+' ? '-' : character === '/' ? '_' : character;
    if (!ALPHABET.test(urlSafe)) continue;
    padding = 0;
    characters += urlSafe;
  }
  return characters.length % 4 === 0 ? Buffer.from(characters, 'base64url') : undefined;
}
