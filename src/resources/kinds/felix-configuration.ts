/**
 * FelixConfiguration: settings of Felix, Calico's agent, for all nodes (name `default`) or for one (name `node.<node name>`).
 * Only what decides who programs a node's routes, how its tunnels look, and what becomes of packets that would loop, is read.
 */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Metadata } from '../resource.ts';
import { PROGRAM_CLUSTER_ROUTES } from './bgp-configuration.ts';

/** 0 means that Felix finds the MTU by itself. */
const mtu = z.int().min(0).max(65535).optional();

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
  /** What the names of the interfaces of workloads begin with, several of them with commas between. */
  interfacePrefix: z.string().optional(),
  wireguardEnabled: z.boolean().optional(),
  wireguardEnabledV6: z.boolean().optional(),
  /** What becomes of packets to addresses of services that nobody serves; without it they are dropped. */
  serviceLoopPrevention: z.enum(['Drop', 'Reject', 'Disabled']).optional(),
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
