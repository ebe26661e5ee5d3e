/** What the kernel should hold, in terms of policies: made from resources, and turned into nftables elsewhere. */
import type { Policy, Profile } from './policy.ts';
import type { Direction, SetSpec } from './rule.ts';
import type { PolicySettings } from './settings.ts';

/** Where packets are judged: at a workload, or at a HostEndpoint for each of the scopes of policies. */
export type Layer = 'workload' | 'host' | 'forward' | 'preDNAT' | 'untracked';

/** The policies of one tier that an endpoint has in a direction, in the order in which they are asked. */
export interface AppliedTier {
  readonly name: string;
  readonly defaultAction: 'Deny' | 'Pass';
  /** Keys of {@link Policy}. None in a tier of which it is not known when it is asked: in all layers it drops everything. */
  readonly policies: readonly string[];
}

/** What is asked about packets of an endpoint in one direction. Endpoints of which the same is asked share it. */
export interface EndpointRules {
  /** The same for the same content, fit for a name in nftables. */
  readonly id: string;
  readonly layer: Layer;
  readonly direction: Direction;
  /** Nothing passes where it is down. */
  readonly up: boolean;
  readonly tiers: readonly AppliedTier[];
  /** Names of profiles in order; one that is not known lets nothing pass. Only of the layers `workload` and `host`. */
  readonly profiles: readonly string[];
}

export interface LocalWorkload {
  readonly interfaceName: string;
  /** Key of the Endpoint that it is. */
  readonly endpoint: string;
  /** Ids of {@link EndpointRules}. */
  readonly ingress: string;
  readonly egress: string;
  /** Prefixes that its packets may come from though they are not routed to it. */
  readonly spoofable: readonly string[];
}

/** A HostEndpoint at an interface, `*` for all that have none of their own and no workload. */
export interface LocalHost {
  readonly interfaceName: string;
  /** Key of the Endpoint that it is. */
  readonly endpoint: string;
  /** Ids of {@link EndpointRules} by layer and direction. Without `forward`, what is forwarded passes. */
  readonly rules: Readonly<Partial<Record<Exclude<Layer, 'workload'>, Readonly<Partial<Record<Direction, string>>>>>>;
}

/**
 * Members are `10.65.0.2` or `10.0.0.0/8` in sets of addresses (prefixes never overlap one another), `10.65.0.2 6 8080` (address, IP
 * protocol, port) in sets with ports.
 */
export interface SetChange {
  readonly set: SetSpec;
  /** Nothing names it any more; the lists are empty. */
  readonly gone: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The differences to what was taken last, by name; undefined is what is gone. Only what is in use on this node is in it. */
export interface ModelChanges {
  readonly sets: readonly SetChange[];
  readonly policies: ReadonlyMap<string, Policy | undefined>;
  /** Those that endpoints name and that exist. */
  readonly profiles: ReadonlyMap<string, Profile | undefined>;
  readonly rules: ReadonlyMap<string, EndpointRules | undefined>;
  /** By interface. */
  readonly workloads: ReadonlyMap<string, LocalWorkload | undefined>;
  readonly hosts: ReadonlyMap<string, LocalHost | undefined>;
  /** Addresses that workloads of this node had when it was taken last, and none of these has any more: their connections are over. */
  readonly departed: readonly string[];
  /** Undefined where they are as they were. */
  readonly settings: PolicySettings | undefined;
}
