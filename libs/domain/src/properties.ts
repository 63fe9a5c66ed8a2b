/** The most custom properties that an image may have after a change, as in Nova and Glance. */
export const PROPERTY_QUOTA = 128;
