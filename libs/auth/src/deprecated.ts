/** Names of release 0.1. */
export {
  /** @deprecated the name is now `KeystoneUnavailable` */
  KeystoneUnavailable as CannotAsk,
} from './keystone/errors.js';
export type {
  /** @deprecated the name is now `KeystoneHooks` */
  KeystoneHooks as KeystoneSurroundings,
} from './keystone/authenticator.js';
export {
  /** @deprecated the name is now `authenticateRequest` */
  authenticateRequest as judgeRequest,
} from './authenticate-request.js';
export type {
  /** @deprecated the name is now `RequestAuthenticator` */
  RequestAuthenticator as Judge,
  /** @deprecated the name is now `RequestToAuthenticate` */
  RequestToAuthenticate as JudgedRequest,
} from './authenticate-request.js';
export type {
  /** @deprecated the name is now `EvaluationInput` */
  EvaluationInput as Question,
} from './policy/index.js';
