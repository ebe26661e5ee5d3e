/**
 * What an OPEN announces (RFC 5492). How each is written, read and put in words stands in `capability-table.ts`.
 */

/** A capability as received or to be sent, told apart by `name`. */
export type Capability = KnownCapability | UnknownCapability;

/** A capability the daemon understands. */
export type KnownCapability =
  | MultiprotocolCapability
  | RouteRefreshCapability
  | ExtendedNextHopCapability
  | ExtendedMessageCapability
  | RoleCapability
  | GracefulRestartCapability
  | FourOctetAsCapability
  | AddPathCapability
  | EnhancedRouteRefreshCapability
  | LongLivedGracefulRestartCapability
  | FqdnCapability
  | SoftwareVersionCapability;

/** RFC 4760 §8. */
export interface MultiprotocolCapability {
  readonly name: 'multiprotocol';
  readonly afi: number;
  readonly safi: number;
}

/** RFC 2918 §2. */
export interface RouteRefreshCapability {
  readonly name: 'route-refresh';
}

/** RFC 8950 §4: which next-hop families may carry which routes. */
export interface ExtendedNextHopCapability {
  readonly name: 'extended-next-hop';
  readonly entries: readonly { readonly afi: number; readonly safi: number; readonly nextHopAfi: number }[];
}

/** RFC 8654 §3. */
export interface ExtendedMessageCapability {
  readonly name: 'extended-message';
}

/** RFC 9234 §4.1; `role` is 0 provider, 1 route server, 2 route-server client, 3 customer, 4 peer. */
export interface RoleCapability {
  readonly name: 'role';
  readonly role: number;
}

/** RFC 4724 §3, RFC 8538 §2. */
export interface GracefulRestartCapability {
  readonly name: 'graceful-restart';
  /** The R bit: the sender has just restarted. */
  readonly restarting: boolean;
  /** The N bit: NOTIFICATIONs and hold-timer expiry also keep routes (RFC 8538). */
  readonly notification: boolean;
  /** Seconds, at most 4095. */
  readonly restartTime: number;
  readonly families: readonly {
    readonly afi: number;
    readonly safi: number;
    /** The F bit: forwarding state was kept over the restart. */
    readonly forwarding: boolean;
  }[];
}

/** RFC 6793 §3. */
export interface FourOctetAsCapability {
  readonly name: 'four-octet-as';
  readonly asn: number;
}

/** RFC 7911 §4; `send` and `receive` are what the sender of the capability is able to do. */
export interface AddPathCapability {
  readonly name: 'add-path';
  readonly families: readonly {
    readonly afi: number;
    readonly safi: number;
    readonly send: boolean;
    readonly receive: boolean;
  }[];
}

/** RFC 7313 §3.1. */
export interface EnhancedRouteRefreshCapability {
  readonly name: 'enhanced-route-refresh';
}

/** RFC 9494 §3. */
export interface LongLivedGracefulRestartCapability {
  readonly name: 'long-lived-graceful-restart';
  readonly families: readonly {
    readonly afi: number;
    readonly safi: number;
    readonly forwarding: boolean;
    /** Seconds, 24 bits. */
    readonly staleTime: number;
  }[];
}

/** draft-walton-bgp-hostname-capability. */
export interface FqdnCapability {
  readonly name: 'fqdn';
  readonly hostname: string;
  readonly domain: string;
}

/** draft-abraitis-bgp-version-capability. */
export interface SoftwareVersionCapability {
  readonly name: 'software-version';
  readonly version: string;
}

/** One the daemon doesn't know, or one it ignores because its contents make no sense. */
export interface UnknownCapability {
  readonly name: 'unknown';
  readonly code: number;
  readonly value: Uint8Array;
}
