/** The most custom properties that an image may have after a change, as in Nova and Glance. */
export const PROPERTY_QUOTA = 128;

/** The most tags that an image may have, as in Glance. */
export const TAG_QUOTA = 128;

/** The most projects that an image may be shared with, as in Glance. */
export const MEMBER_QUOTA = 128;
