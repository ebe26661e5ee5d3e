/** What is advertised for the services of the cluster: routes, the terms on which each peer is told, and what is said of them. */
import type { Prefix } from '../net/prefix.ts';

/** Whose ready endpoints decide. */
export type Scope = 'Node' | 'Zone' | 'Cluster';

/** `backup`: told so that others take over at once, with terms that make every primary route better. */
export type ServiceRole = 'primary' | 'backup';

/** Terms on which a route is told. */
export interface ServiceTerms {
  readonly role: ServiceRole;
  /** `aa:nn` or `aa:nn:mm`, sorted. */
  readonly communities: readonly string[];
  /** LOCAL_PREF, for internal peers. */
  readonly localPreference?: number;
  /** MULTI_EXIT_DISC, for external peers. */
  readonly med?: number;
  /** How many times the own AS is put before the path, for external peers. */
  readonly prepend: number;
  /** Link bandwidth (draft-ietf-idr-link-bandwidth), in bytes per second. */
  readonly bandwidth?: number;
}

/** What one rule says of a route to the peers that it is about. `termsFor` puts the offers of a route together. */
export interface ServiceOffer {
  /** Where it comes from, e.g. `ServiceAdvertisement "rack-a"` or `BGPConfiguration "default"`. */
  readonly rule: string;
  /** Picks the peers, as in PeerProfile; undefined: all. */
  readonly peerSelector?: string;
  /** Of several rules for one peer those of the narrowest scope decide. */
  readonly scope: Scope;
  /** Undefined: the rule has the route withdrawn now. */
  readonly terms: ServiceTerms | undefined;
  /** How the prefix that the rule asks for compares to the route's: a peer is told the longest only. Absent: it is the same. */
  readonly length?: 'shorter' | 'longer';
  /** How long its withdrawal is put off, in seconds. */
  readonly withdrawDelay?: number;
  /** Offers of other services with the same prefix have another number. Absent: 0. */
  readonly group?: number;
}

/** Number of a list of offers; the same list has always the same number in one process. 0: told to all, with no terms. */
export type ServiceLabel = number;

/** A route of this node's own for services. */
export interface ServiceRoute {
  readonly prefix: Prefix;
  readonly label: ServiceLabel;
  /** First of the services it is for, as `namespace/name`; empty for the prefix of many. */
  readonly service: string;
  /** How long its withdrawal is to be put off, in seconds, where a ServiceAdvertisement says so. */
  readonly withdrawDelay?: number;
}

/** How the routes differ from what they were. */
export interface ServiceChanges {
  /** Those that are new, or different. */
  readonly set: readonly ServiceRoute[];
  readonly removed: readonly Prefix[];
}

export type AddressKind = 'ClusterIP' | 'ExternalIP' | 'LoadBalancerIP';

/** An address of a service, and what becomes of it. */
export interface ServiceAddress {
  readonly address: string;
  readonly kind: AddressKind;
  /** Text of the route that is advertised for it: its own, or of its `aggregationLength`. Of several the longest. */
  readonly prefix: string | null;
  /** Range of the BGPConfiguration that it is in and that this node announces as a whole. */
  readonly coveredBy: string | null;
  /** Whether it is told, by a route for it or, where none is asked for, by the range it is in. */
  readonly advertised: boolean;
  /** Whether it would be told if only there were ready endpoints, here or wherever they are asked for. */
  readonly isWaiting: boolean;
  /** Null where there is no route for it. */
  readonly role: ServiceRole | null;
  /** What decides, e.g. `BGPConfiguration "default"` or `ServiceAdvertisement "rack-a"`; several are joined by commas. */
  readonly rule: string;
  /** Why, or why not, or waiting for what: sentences. */
  readonly words: string;
  /** Of its route; empty where that is told to all, with no terms. */
  readonly offers: readonly ServiceOffer[];
}

export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Empty for a service without addresses of its own (headless, ExternalName). */
  readonly addresses: readonly ServiceAddress[];
}

/** A number of endpoints. */
export interface EndpointCount {
  readonly ready: number;
  /** Those that are not ready any more: terminating, and still serving. */
  readonly serving: number;
  readonly all: number;
}

export interface ServiceExplanation extends ServiceSummary {
  /** Every rule there is, and whether it is about the service. */
  readonly rules: readonly { readonly rule: string; readonly applies: boolean; readonly words: string }[];
  /** By family; empty where no EndpointSlice is of the service. */
  readonly endpoints: readonly {
    readonly family: 'IPv4' | 'IPv6';
    readonly here: EndpointCount;
    readonly zone: EndpointCount;
    readonly cluster: EndpointCount;
  }[];
  /** How several rules, or services with the same address, were put together; sentences. */
  readonly merged: readonly string[];
}

/** How much there is. */
export interface ServiceCounts {
  readonly services: number;
  readonly endpoints: number;
  /** All routes, with those for ranges and for the prefixes of many services. */
  readonly routes: number;
  readonly aggregates: number;
}
