/**
 * FelixConfiguration: settings of Felix, Calico's agent, for all nodes (name `default`) or for one (name `node.<node name>`).
 * Only what decides who programs a node's routes, and how its tunnels look, is read.
 */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Immutable, Metadata } from '../resource.ts';
import { PROGRAM_CLUSTER_ROUTES } from './bgp-configuration.ts';

/** 0 means that Felix finds the MTU by itself. */
const mtu = z.int().min(0).max(65535).optional();

/** All fields are optional: an object for one node says only what differs there. */
const spec = z.object({
  /**
   * Which routes between nodes Felix programs. Any text is read: an object that a newer Calico wrote must not make Felix look
   * absent, and Felix itself takes a value that it doesn't know for the default.
   */
  programClusterRoutes: z.string().optional(),
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
});

type Spec = Immutable<z.output<typeof spec>>;

export const FELIX_CONFIGURATION = defineKind({
  kind: 'FelixConfiguration',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: false,
  review,
});

export type FelixConfiguration = ResourceOfDefinition<typeof FELIX_CONFIGURATION>;

function review({ metadata: { name }, spec }: { metadata: Metadata; spec: Spec }): Review {
  if (name !== 'default' && !/^node\../.test(name)) {
    return { ignored: 'only FelixConfigurations named "default" or "node.<node name>" have an effect', warnings: [] };
  }
  const { programClusterRoutes: value } = spec;
  if (value === undefined || PROGRAM_CLUSTER_ROUTES.some((known) => known === value)) return { warnings: [] };
  const message = `"${value}" is not one of ${PROGRAM_CLUSTER_ROUTES.join(', ')}; taken as unset`;
  return { warnings: [{ path: ['spec', 'programClusterRoutes'], message, severity: 'warning' }] };
}
