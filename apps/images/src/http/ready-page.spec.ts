import { expect, it } from '@jest/globals';
import { readyPage } from './ready-page.js';
import { PIECE_BYTES } from './unread-responses.js';

it('keeps the bytes of a page that is sent in pieces, which all its responses share', () => {
  const large = Buffer.alloc(PIECE_BYTES + 1, 'é');
  expect(readyPage(large).bytes).toBe(large);
  const small = Buffer.from('é');
  expect(readyPage(small).bytes).toBe('Ã©');
});
