/** Policies, tiers and profiles as they are enforced, whatever resource they come from. */
import type { Rule } from './rule.ts';

/**
 * Which packets a policy judges. `normal`: those of workloads, and those from and to processes of a host; `forward`: these, and
 * what a host forwards (`applyOnForward`); `preDNAT` and `untracked`: only those that a HostEndpoint sees, before translation of
 * addresses and before connection tracking.
 */
export type PolicyScope = 'normal' | 'forward' | 'preDNAT' | 'untracked';

export interface Policy {
  /** `name/namespace/kind`, by which policies of one order are sorted; without namespace `name//kind`. */
  readonly key: string;
  readonly kind: 'NetworkPolicy' | 'GlobalNetworkPolicy' | 'KubernetesNetworkPolicy';
  readonly namespace?: string;
  readonly name: string;
  readonly tier: string;
  /** Infinity where none is written. */
  readonly order: number;
  readonly scope: PolicyScope;
  /** Which endpoints it is for, in canonical form. */
  readonly selector: string;
  /** Undefined: it does not judge this direction. Empty: it judges, and no rule matches. */
  readonly ingress: readonly Rule[] | undefined;
  readonly egress: readonly Rule[] | undefined;
}

export interface Tier {
  readonly name: string;
  /** Infinity where none is written. */
  readonly order: number;
  readonly defaultAction: 'Deny' | 'Pass';
  /** Its place can't be read: nothing passes that its policies are for. */
  readonly closed?: true;
}

export interface Profile {
  readonly name: string;
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
  /** Labels of the endpoints that have the profile, unless they have their own. */
  readonly labels: Readonly<Record<string, string>>;
}
