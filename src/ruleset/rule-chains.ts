/** The chains of policies and profiles, which all endpoints that have them share. */
import type { ChainDeclaration } from '../nftables/table-writer.ts';
import type { Policy, Profile } from '../policy/policy.ts';
import type { Direction, PortMatch, Rule, RuleEnd, SetSpec } from '../policy/rule.ts';
import type { SetsInUse } from './criteria.ts';
import { SET_PASSED } from './mark.ts';
import { logStatement, plainText, policyChain, profileChain } from './names.ts';
import { ruleLines } from './rule-text.ts';

export type Chains = ReadonlyMap<string, ChainDeclaration>;

export const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** What rules depend on beside themselves. */
export interface RuleContext {
  readonly sets: SetsInUse;
  readonly logPrefix: string;
}

/** The chains of the directions that a policy judges. A packet that no rule matches returns. */
export function policyChains(policy: Policy, { sets, logPrefix }: RuleContext): Chains {
  const chains = new Map<string, ChainDeclaration>();
  for (const direction of DIRECTIONS) {
    const rules = policy[direction];
    if (rules === undefined) continue;
    const name = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
    const statementOf = ({ action, index }: Rule): string => {
      if (action === 'Log') return logStatement(logPrefix, `${policy.tier}/${name}/${direction}/${index}`);
      const allow = policy.scope === 'untracked' ? 'notrack accept' : 'accept';
      return { Allow: allow, Deny: 'drop', Pass: `${SET_PASSED} return` }[action];
    };
    chains.set(policyChain(policy, direction), {
      comment: plainText(`${policy.kind} ${name}, tier ${policy.tier}, ${direction}`),
      rules: rules.flatMap((rule) => ruleLines(rule, statementOf(rule), sets)),
    });
  }
  return chains;
}

/** The chains of a profile. Nothing comes after profiles that a packet could be passed on to but the next one. */
export function profileChains(profile: Profile, { sets, logPrefix }: RuleContext): Chains {
  const chains = new Map<string, ChainDeclaration>();
  for (const direction of DIRECTIONS) {
    const statementOf = ({ action, index }: Rule): string => {
      if (action === 'Log') return logStatement(logPrefix, `profile/${profile.name}/${direction}/${index}`);
      return { Allow: 'accept', Deny: 'drop', Pass: 'return' }[action];
    };
    chains.set(profileChain(profile.name, direction), {
      comment: plainText(`Profile ${profile.name}, ${direction}`),
      rules: profile[direction].flatMap((rule) => ruleLines(rule, statementOf(rule), sets)),
    });
  }
  return chains;
}

/** Ids of the sets that rules name. */
export function setsOf(rules: readonly Rule[]): Set<string> {
  const ids = new Set<string>();
  for (const { source, destination } of rules) {
    for (const set of [...setsOfEnd(source), ...setsOfEnd(destination)]) ids.add(set.id);
  }
  return ids;
}

function setsOfEnd({ in: within, notIn, ports, notPorts }: RuleEnd): SetSpec[] {
  const portSets = (match: PortMatch | undefined) => match?.sets ?? [];
  return [
    ...(within === undefined ? [] : [within]),
    ...(notIn === undefined ? [] : [notIn]),
    ...portSets(ports),
    ...portSets(notPorts),
  ];
}
