/** Rules ready to be asked and to be told to the kernel: what resources mean, without how they are written. */
import type { Prefix } from '../net/prefix.ts';

export type IpVersion = 4 | 6;

/** `ingress`: traffic to an endpoint; `egress`: from it. */
export type Direction = 'ingress' | 'egress';

export type Action = 'Allow' | 'Deny' | 'Log' | 'Pass';

/**
 * What changes while the rules that name it stay: addresses, or ports at addresses. Rules that mean the same set have the same
 * `id`, short and fit for a name in nftables.
 */
export type SetSpec =
  /** The addresses of all endpoints and network sets that a selector (in canonical form) picks. */
  | { readonly kind: 'addresses'; readonly id: string; readonly selector: string }
  /** Where the endpoints that a selector picks have a port of this name and protocol (an IP protocol number). */
  | {
      readonly kind: 'ports';
      readonly id: string;
      readonly selector: string;
      readonly port: string;
      readonly protocol: number;
    }
  /** The addresses of a Service's endpoints: with the ports at them, or alone. */
  | {
      readonly kind: 'service';
      readonly id: string;
      readonly namespace: string;
      readonly name: string;
      readonly withPorts: boolean;
    };

/** Any of the ranges (first and last port, 0 to 65535), or any member of the sets, which hold ports at addresses. */
export interface PortMatch {
  readonly ranges: readonly (readonly [first: number, last: number])[];
  readonly sets: readonly SetSpec[];
}

/** One end of a packet. All that is there must hold; a list holds where one of it does. */
export interface RuleEnd {
  readonly nets?: readonly Prefix[];
  readonly notNets?: readonly Prefix[];
  readonly in?: SetSpec;
  readonly notIn?: SetSpec;
  readonly ports?: PortMatch;
  readonly notPorts?: PortMatch;
}

/** Without a code any code; without a type any type. */
export interface IcmpMatch {
  readonly type?: number;
  readonly code?: number;
}

/** All that is there must hold. */
export interface Rule {
  /** Place in the list of the resource as it is written; rules that come of one have the same. */
  readonly index: number;
  readonly action: Action;
  /** Families of the packets that it can match; never empty. Nets of other families are not in it. */
  readonly families: readonly IpVersion[];
  /** IP protocol numbers. */
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  /** As a pair: a packet whose type and code are both so does not match. */
  readonly notIcmp?: IcmpMatch;
  readonly source: RuleEnd;
  readonly destination: RuleEnd;
}
