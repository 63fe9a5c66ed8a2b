export { CREDENTIAL_NAMES, credentialsOf, type Credentials } from './credentials.js';
export { PolicyError, type PolicyPlace } from './error.js';
export {
  evaluate,
  explain,
  explanationLines,
  type CredentialValues,
  type Explanation,
  type EvaluationInput,
  type Target,
} from './evaluate.js';
export { parse, print, type Check, type Rule, type RuleList, type Template } from './language.js';
export { loadPolicy, type PolicySources } from './load.js';
export { Policy, type DefinedRule, type ListedRule, type RuleProblem } from './policy.js';
export type { RuleDefault, TokenScope } from './rule-default.js';
