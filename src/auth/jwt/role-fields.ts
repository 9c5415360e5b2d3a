import { f } from '../../contract/field.ts'
import { asString } from '../../contract/wire/weak-types.ts'
import type { Field, Values } from '../../contract/field.ts'
import { tokenParamFields } from '../../contract/token-params.ts'

/** Whole seconds; -1 is none. */
function leeway(about: string): Field<number | undefined> {
  const { kind, parse: parseDuration, zero, fallback, sensitive, isLimiting } = f.duration(about)
  const parse = (value: unknown): number | undefined =>
    /^-\d+s?$/.test(asString(value) ?? '') ? -1 : parseDuration(value)
  return { kind, about, parse, zero, fallback, sensitive, isLimiting, initial: 0 }
}

/** The fields of a role, with their older names. */
export const roleFields = {
  role_type: f.string('jwt, oidc or bearer; oidc when left out.').or('oidc'),
  ceiling: f.list('Policies that bound all others of the caller, its entity and its groups; for role_type bearer.').limiting(),
  bound_audiences: f.list('Audiences (aud), one of which the token must have.').limiting(),
  bound_subject: f.string('The subject (sub) that the token must have.').limiting(),
  bound_claims: f.object('Claims that the token must have, each with a value or a list of them. Names that begin with / are JSON pointers.').limiting(),
  bound_claims_type: f.string('"string" (the default) or "glob": in bound claims, * matches any characters.').or('string'),
  user_claim: f.string('The claim that identifies the user.'),
  user_claim_json_pointer: f.bool('user_claim is a JSON pointer.').initially(false),
  groups_claim: f.string('The claim with the names of groups, a list of strings.'),
  claim_mappings: f.map('Claims, and the names of the metadata that they become.'),
  clock_skew_leeway: leeway('For clocks that differ; 0: 60 seconds, -1: none.'),
  expiration_leeway: leeway('The life of tokens without exp; 0: 150 seconds, -1: none.'),
  not_before_leeway: leeway('The life of tokens without nbf and iat, before exp; 0: 150 seconds, -1: none.'),
  max_age: f.duration('The longest time since the user has authenticated at the provider; 0: no limit.').limiting().initially(0),
  verbose_oidc_logging: f.bool("The names of a token's claims go to the server's log.").initially(false),
  allowed_redirect_uris: f.list('Where the provider may send browsers back to.'),
  oidc_scopes: f.list('Scopes to request from the provider, in addition to openid.'),
  ...tokenParamFields,
  policies: f.list('Older name of token_policies.').alias('token_policies'),
  ttl: f.duration('Older name of token_ttl.').limiting().alias('token_ttl'),
  max_ttl: f.duration('Older name of token_max_ttl.').limiting().alias('token_max_ttl'),
  period: f.duration('Older name of token_period.').alias('token_period'),
  num_uses: f.int('Older name of token_num_uses.').limiting().alias('token_num_uses'),
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
} // prettier-ignore

/** Fields of which only the default is supported. */
export const fixedFields = {
  callback_mode: f.string('client: the other modes are not supported.'),
  oauth2_metadata: f.list('Not supported: it would put tokens of the provider into metadata.'),
  oidc_disable_confirmation: f.bool('Not supported.'),
  token_policies_template_claims: f.bool('Not supported.'),
  poll_interval: f.duration('Not supported.'),
}

/** Values of all these fields; undefined: left out. */
export type RoleValues = Partial<Values<typeof roleFields & typeof fixedFields>>
