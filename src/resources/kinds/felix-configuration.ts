/**
 * FelixConfiguration: settings of Felix, Calico's agent, for all nodes (name `default`) or for one (name `node.<node name>`).
 * Only what decides who programs a node's routes, how its tunnels look, and what becomes of packets, is read.
 */
import { z } from 'zod';
import { failsafePortList } from '../failsafe-ports.ts';
import { caseless, ipAddress } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Metadata } from '../resource.ts';
import { PROGRAM_CLUSTER_ROUTES } from './bgp-configuration.ts';

/** 0 means that Felix finds the MTU by itself. */
const mtu = z.int().min(0).max(65535).optional();

/** What the policy agent asks; `starling-policyd` has them in its own configuration, too. */
export const policyAgentFields = {
  /** What the names of the interfaces of workloads begin with, several of them with commas between. */
  interfacePrefix: z
    .string()
    .regex(
      /^( *[a-zA-Z0-9_.-]{1,15} *(, *[a-zA-Z0-9_.-]{1,15} *)*)?$/,
      'must be what names of interfaces begin with, such as "cali" or "cali,tap"',
    )
    .optional(),
  /** Of packets from workloads to their host that their policies let pass. */
  defaultEndpointToHostAction: caseless(['Drop', 'Accept', 'Return']).optional(),
  failsafeInboundHostPorts: failsafePortList.optional(),
  failsafeOutboundHostPorts: failsafePortList.optional(),
  /** What lines of rules that log begin with in the kernel's log. */
  logPrefix: z.string().max(64).optional(),
  allowVXLANPacketsFromWorkloads: z.boolean().optional(),
  allowIPIPPacketsFromWorkloads: z.boolean().optional(),
  disableConntrackInvalidCheck: z.boolean().optional(),
  /** Where OpenStack's metadata service is. */
  metadataAddr: ipAddress.optional(),
  metadataPort: z.int().min(0).max(65535).optional(),
  openstackRegion: z.string().optional(),
  /** Whether workloads may use sources that their endpoints list beside their own addresses. */
  workloadSourceSpoofing: caseless(['Disabled', 'Any']).optional(),
  /** What becomes of packets to addresses of services that nobody serves; without it they are dropped. */
  serviceLoopPrevention: z.enum(['Drop', 'Reject', 'Disabled']).optional(),
};

/** All fields are optional: an object for one node says only what differs there. */
const spec = z.object({
  /** Which routes between nodes Felix programs; Felix itself takes a value that it doesn't know for the default. */
  programClusterRoutes: z.enum(PROGRAM_CLUSTER_ROUTES).optional(),
  vxlanEnabled: z.boolean().optional(),
  vxlanVNI: z.int().min(1).max(16_777_215).optional(),
  vxlanPort: z.int().min(1).max(65535).optional(),
  vxlanMTU: mtu,
  vxlanMTUV6: mtu,
  ipipEnabled: z.boolean().optional(),
  ipipMTU: mtu,
  /** Protocol that marks Felix' routes to workloads. */
  deviceRouteProtocol: z.int().min(0).max(255).optional(),
  wireguardEnabled: z.boolean().optional(),
  wireguardEnabledV6: z.boolean().optional(),
  ...policyAgentFields,
});

export const FELIX_CONFIGURATION = defineKind({
  kind: 'FelixConfiguration',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: false,
  // The object shows that there is Felix, whatever else is wrong with it.
  tolerates: () => true,
  review,
});

export type FelixConfiguration = ResourceOfDefinition<typeof FELIX_CONFIGURATION>;

function review({ metadata: { name } }: { metadata: Metadata }): Review {
  const ignored = 'only FelixConfigurations named "default" or "node.<node name>" have an effect';
  return name === 'default' || /^node\../.test(name) ? { warnings: [] } : { ignored, warnings: [] };
}
