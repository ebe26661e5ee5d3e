/** Node as Calico has it: the addresses and the AS number of a node, and its labels. */
import { z } from 'zod';
import { asNumber, cidr, ipAddress, ipv4Address, ipv4InterfaceAddress } from '../fields.ts';
import { ipv6Address, ipv6InterfaceAddress } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition } from '../kind-definition.ts';

/** What a node says of its BGP. */
const bgp = z.object({
  /** Without it the node is in the AS of BGPConfiguration `default`. */
  asNumber: asNumber.optional(),
  /** Address with the length of the subnet it is in. */
  ipv4Address: ipv4InterfaceAddress.optional(),
  ipv6Address: ipv6InterfaceAddress.optional(),
  ipv4IPIPTunnelAddr: ipv4Address.optional(),
  /** Makes the node a route reflector (RFC 4456) of this cluster id. */
  routeReflectorClusterID: ipv4Address.optional(),
});

/** The interfaces of a node with their addresses. */
export const nodeInterfaces = z.array(z.object({ name: z.string(), addresses: z.array(ipAddress).default([]) }));

const spec = z.object({
  bgp: bgp.default({}),
  ipv4VXLANTunnelAddr: ipv4Address.optional(),
  ipv6VXLANTunnelAddr: ipv6Address.optional(),
  vxlanTunnelMACAddr: z.string().optional(),
  vxlanTunnelMACAddrV6: z.string().optional(),
  wireguard: z
    .object({ interfaceIPv4Address: ipv4Address.optional(), interfaceIPv6Address: ipv6Address.optional() })
    .default({}),
  orchRefs: z.array(z.object({ nodeName: z.string().optional(), orchestrator: z.string() })).default([]),
  addresses: z.array(z.object({ address: z.string(), type: z.string().optional() })).default([]),
  interfaces: nodeInterfaces.default([]),
  /** As Kubernetes' Node says it; Calico's has no place for it, but in a file it may be given. */
  unschedulable: z.boolean().optional(),
  taints: z.array(z.object({ key: z.string(), effect: z.string().optional() })).optional(),
});

const status = z.object({
  podCIDRs: z.array(cidr).default([]),
  /** Whether Kubernetes has the condition NetworkUnavailable of the node. */
  networkUnavailable: z.boolean().optional(),
  /** Whether kubelet says that the machine is going down. */
  shuttingDown: z.boolean().optional(),
  wireguardPublicKey: z.string().optional(),
  wireguardPublicKeyV6: z.string().optional(),
});

export const NODE = defineKind({
  kind: 'Node',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec, status: status.optional() }),
  reportUnknownFields: true,
});

export type Node = ResourceOfDefinition<typeof NODE>;
