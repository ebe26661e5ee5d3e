/** What selectors pick: workloads, hosts and sets of addresses. */
import type { Labels } from '../resources/selector.ts';

export interface EndpointPort {
  readonly name: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
}

export interface Endpoint {
  /** `kind namespace/name` of its resource, one of a kind. */
  readonly key: string;
  readonly kind: 'workload' | 'host' | 'set';
  /** As people call it: `x/a` for Pod a of namespace x, `node1-eth0` for a HostEndpoint. */
  readonly name: string;
  readonly namespace?: string;
  /** Of workloads and hosts, the node that they are on. */
  readonly node?: string;
  /** Its own; those of its profiles count beside them. */
  readonly labels: Labels;
  /** Names of profiles in the order in which they are asked. */
  readonly profiles: readonly string[];
  /** Canonical text, `10.65.0.2` or `fd00::2`; of sets also prefixes such as `10.0.0.0/8`, none of them of length 0. */
  readonly addresses: readonly string[];
  readonly ports: readonly EndpointPort[];
  /** Set where it is on this node, so that its traffic is judged here. */
  readonly local?: LocalEndpoint;
}

/** An endpoint of this node. */
export interface LocalEndpoint {
  /** Of a host endpoint also `*`, or undefined where its addresses say which interface it is. */
  readonly interfaceName?: string;
  /** Whether anything may pass at all. */
  readonly up: boolean;
  /** Prefixes beside its addresses that a workload's packets may come from. */
  readonly spoofable: readonly string[];
}
