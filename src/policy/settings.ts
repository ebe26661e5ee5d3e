/** What counts for a node as a whole, beside policies and endpoints. */
import type { Prefix } from '../net/prefix.ts';

/** A port that stays open at HostEndpoints whatever policies say. */
export interface Failsafe {
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
  /** The other end; any where it is undefined. */
  readonly net?: Prefix;
}

export interface PolicySettings {
  /** What names of workloads' interfaces begin with, at least one. */
  readonly interfacePrefixes: readonly string[];
  /** Of packets from workloads to the host itself that their egress policies let pass. `Return`: other tables decide. */
  readonly endpointToHost: 'Drop' | 'Accept' | 'Return';
  readonly failsafes: { readonly ingress: readonly Failsafe[]; readonly egress: readonly Failsafe[] };
  /** Whether packets that connection tracking calls invalid are dropped. */
  readonly dropInvalid: boolean;
  /** What workloads must not send themselves: VXLAN to this UDP port, and IP in IP; undefined where they may. */
  readonly vxlanPort: number | undefined;
  readonly dropIpip: boolean;
  /** Whether the sources count that endpoints of workloads have beside their addresses. */
  readonly sourceSpoofing: boolean;
  /** What the kernel's log begins with where a rule logs. */
  readonly logPrefix: string;
  /** Of OpenStack, where workloads ask their host for addresses, names and metadata. */
  readonly openstack: { readonly metadataAddress: string; readonly metadataPort: number } | undefined;
  /** Sources whose packets get an address of the node where they leave the destinations that are pools. */
  readonly masquerade: { readonly sources: readonly Prefix[]; readonly pools: readonly Prefix[] };
  /** What becomes of forwarded packets to addresses of services that nobody serves; undefined where nothing does. */
  readonly loops: { readonly action: 'Drop' | 'Reject'; readonly ranges: readonly Prefix[] } | undefined;
}
