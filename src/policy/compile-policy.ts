/** From the kinds of policies to policies as they are enforced. */
import type { ResourceOf } from '../resources/kinds.ts';
import { UNREADABLE_TIER } from '../resources/policy-salvage.ts';
import { and } from '../resources/selector-terms.ts';
import { compileRule, compileRules } from './compile-rule.ts';
import { kubernetesRule, podSelector } from './kubernetes-rules.ts';
import type { KubernetesRule } from './kubernetes-rules.ts';
import type { Policy, PolicyScope } from './policy.ts';
import type { PolicyProblem } from './problem.ts';
import type { Direction, Rule } from './rule.ts';
import { inNamespace, policySelector } from './rule-selectors.ts';

export type PolicyResource = ResourceOf<'NetworkPolicy' | 'GlobalNetworkPolicy' | 'KubernetesNetworkPolicy'>;

export interface CompiledPolicy {
  readonly policy: Policy;
  /** Warnings about rules that match nothing. */
  readonly problems: readonly PolicyProblem[];
}

/** Never throws: what can't be read has been made closed where the resource was read. */
export function compilePolicy(resource: PolicyResource): CompiledPolicy {
  return resource.kind === 'KubernetesNetworkPolicy' ? compileKubernetes(resource) : compileCalico(resource);
}

/** What takes the place of a policy that cannot be compiled: it denies everything to all that it may be for, before all others. */
export function closedPolicy({ kind, metadata }: Pick<PolicyResource, 'kind' | 'metadata'>): Policy {
  const everything: readonly Rule[] = [{ index: 0, action: 'Deny', families: [4, 6], source: {}, destination: {} }];
  const { namespace } = metadata;
  return {
    ...identityOf({ kind, metadata }),
    tier: UNREADABLE_TIER,
    order: -Infinity,
    scope: 'normal',
    selector: namespace === undefined ? 'all()' : inNamespace(namespace).toString(),
    ingress: everything,
    egress: everything,
  };
}

/** By which policies of one order are sorted, and which names a policy everywhere. */
export function policyKey({
  kind,
  metadata: { name, namespace = '' },
}: Pick<PolicyResource, 'kind' | 'metadata'>): string {
  return `${name}/${namespace}/${kind}`;
}

function identityOf({ kind, metadata }: Pick<PolicyResource, 'kind' | 'metadata'>) {
  const { name, namespace } = metadata;
  return { key: policyKey({ kind, metadata }), kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

function compileCalico(resource: ResourceOf<'NetworkPolicy' | 'GlobalNetworkPolicy'>): CompiledPolicy {
  const { spec } = resource;
  const problems: PolicyProblem[] = [];
  const rulesOf = (direction: Direction, type: 'Ingress' | 'Egress') =>
    // Clients fill in types when they write; what is stored without them governs both directions.
    spec.types === undefined || spec.types.length === 0 || spec.types.includes(type)
      ? compileRules(resource, direction, problems)
      : undefined;
  const policy: Policy = {
    ...identityOf(resource),
    tier: spec.tier,
    order: spec.order ?? Infinity,
    scope: resource.kind === 'GlobalNetworkPolicy' ? scopeOf(resource.spec) : 'normal',
    selector: policySelector(resource).toString(),
    ingress: rulesOf('ingress', 'Ingress'),
    egress: rulesOf('egress', 'Egress'),
  };
  return { policy: spec.tier === UNREADABLE_TIER ? onlyDeny(policy) : policy, problems };
}

/** Nobody may write a policy into the tier of those that can't be read to get past all others. */
function onlyDeny(policy: Policy): Policy {
  const denying = (rules: readonly Rule[] | undefined) => rules?.filter(({ action }) => action === 'Deny');
  return { ...policy, ingress: denying(policy.ingress), egress: denying(policy.egress) };
}

function scopeOf(spec: ResourceOf<'GlobalNetworkPolicy'>['spec']): PolicyScope {
  if (spec.doNotTrack) return 'untracked';
  if (spec.preDNAT) return 'preDNAT';
  return spec.applyOnForward ? 'forward' : 'normal';
}

/** The place that Calico gives Kubernetes' policies among its own. */
const KUBERNETES = { tier: 'default', order: 1000, scope: 'normal' } as const;

function compileKubernetes(resource: ResourceOf<'KubernetesNetworkPolicy'>): CompiledPolicy {
  const { namespace = '' } = resource.metadata;
  const { podSelector: pods, policyTypes = [], ingress = [], egress = [] } = resource.spec;
  // As the API server fills them in.
  const types = policyTypes.length > 0 ? policyTypes : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])];
  const rulesOf = (direction: Direction, written: readonly KubernetesRule[]): Rule[] =>
    written.flatMap((rule, index) =>
      kubernetesRule(direction, rule).flatMap((one) => compileRule(one, index, namespace) ?? []),
    );
  const policy: Policy = {
    ...identityOf(resource),
    ...KUBERNETES,
    selector: and([podSelector(pods), inNamespace(namespace)]).toString(),
    ingress: types.includes('Ingress') ? rulesOf('ingress', ingress) : undefined,
    egress: types.includes('Egress') ? rulesOf('egress', egress) : undefined,
  };
  return { policy, problems: [] };
}
