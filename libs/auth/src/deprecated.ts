/** Names of release 0.1. */
export {
  /** @deprecated the name is now `KeystoneUnavailable` */
  KeystoneUnavailable as CannotAsk,
} from './keystone/errors.js';
export type {
  /** @deprecated the name is now `KeystoneHooks` */
  KeystoneHooks as KeystoneSurroundings,
} from './keystone/authenticator.js';
