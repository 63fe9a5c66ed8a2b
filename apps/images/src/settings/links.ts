import { OneOf } from '@glimpse/options';

export class LinkSettings {
  /** Whether links carry the project id of the request's URL. */
  @OneOf(['request', 'never'])
  project: 'request' | 'never' = 'request';
}
