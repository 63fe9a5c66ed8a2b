import { describe, expect, it } from '@jest/globals';
import { imageRules, type ImageRuleDefaults } from './image-rules.js';

const enforced = (defaults: ImageRuleDefaults): string[] =>
  imageRules(defaults)
    .filter((rule) => rule.enforced)
    .map(({ name }) => name)
    .sort();

const IN_A_MIRROR = [
  ...['context_is_admin', 'delete_image', 'get_image', 'get_images', 'get_member', 'get_members'],
  'modify_image',
];

describe('the rules that are enforced', () => {
  it.each(['current', 'legacy'] as const)(
    'in a mirror with %s defaults are those that Glance does not enforce on what passes through',
    (defaults) => expect(enforced(defaults)).toEqual(IN_A_MIRROR),
  );

  it('in a catalogue of its own are those of changes and data, too', () => {
    expect(enforced('own')).toEqual(
      [
        ...IN_A_MIRROR,
        ...['add_image', 'publicize_image', 'communitize_image', 'upload_image', 'download_image'],
        ...['add_member', 'delete_member', 'modify_member', 'deactivate', 'reactivate'],
        ...['copy_image', 'get_image_location', 'delete_image_location', 'stores_info_detail'],
      ].sort(),
    );
  });
});
