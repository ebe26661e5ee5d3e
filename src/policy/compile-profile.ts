/** Profiles, and what takes their place where an orchestrator has none. */
import type { ResourceOf } from '../resources/kinds.ts';
import { compileRules } from './compile-rule.ts';
import { NAME_LABEL, NAMESPACE_PREFIX, SERVICE_ACCOUNT_PREFIX, prefixed } from './labels.ts';
import type { Profile } from './policy.ts';
import type { PolicyProblem } from './problem.ts';
import type { Rule } from './rule.ts';

export function compileProfile(resource: ResourceOf<'Profile'>): {
  profile: Profile;
  problems: readonly PolicyProblem[];
} {
  const problems: PolicyProblem[] = [];
  const profile = {
    name: resource.metadata.name,
    ingress: compileRules(resource, 'ingress', problems),
    egress: compileRules(resource, 'egress', problems),
    labels: resource.spec.labelsToApply,
  };
  return { profile, problems };
}

const ALLOW_ALL: readonly Rule[] = [{ index: 0, action: 'Allow', families: [4, 6], source: {}, destination: {} }];

/** Where no Profile has their names. Calico gives hosts of Kubernetes this one. */
export const BUILT_IN_PROFILES: readonly Profile[] = [
  { name: 'projectcalico-default-allow', ingress: ALLOW_ALL, egress: ALLOW_ALL, labels: {} },
];

export function namespaceProfileName(namespace: string): string {
  return `kns.${namespace}`;
}

export function serviceAccountProfileName(namespace: string, serviceAccount: string): string {
  return `ksa.${namespace}.${serviceAccount}`;
}

/** The profile of all Pods of a namespace: what no policy is about may pass. */
export function namespaceProfile({ metadata: { name, labels } }: ResourceOf<'Namespace'>): Profile {
  return {
    name: namespaceProfileName(name),
    ingress: ALLOW_ALL,
    egress: ALLOW_ALL,
    labels: prefixed(NAMESPACE_PREFIX, { ...labels, [NAME_LABEL]: name }),
  };
}

/** The profile of the Pods that run as a service account: only labels. */
export function serviceAccountProfile({ metadata }: ResourceOf<'ServiceAccount'>): Profile {
  const { name, namespace = '', labels } = metadata;
  return {
    name: serviceAccountProfileName(namespace, name),
    ingress: [],
    egress: [],
    labels: prefixed(SERVICE_ACCOUNT_PREFIX, { ...labels, [NAME_LABEL]: name }),
  };
}
