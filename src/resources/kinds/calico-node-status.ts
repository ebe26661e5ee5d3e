/** CalicoNodeStatus: a user's wish for a report on one node's BGP, and the report. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { Immutable, Resource } from '../resource.ts';

const CLASSES = ['Agent', 'BGP', 'Routes'] as const;

const spec = z.object({
  /** Name of the node that reports. */
  node: z.string().default(''),
  /** What the report is to hold. */
  classes: z.array(z.enum(CLASSES)).default([]),
  /** How often, in seconds; 0 is never. */
  updatePeriodSeconds: z.int().min(0).max(86400).default(10),
});

const agentOfFamily = z.object({
  state: z.enum(['Ready', 'NotReady', '']).optional(),
  version: z.string().optional(),
  routerID: z.string().optional(),
  /** Times are as the agent tells them. */
  lastBootTime: z.string().optional(),
  lastReconfigurationTime: z.string().optional(),
});

const peer = z.object({
  peerIP: z.string(),
  type: z.enum(['NodeMesh', 'NodePeer', 'GlobalPeer']),
  state: z.enum(['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established', 'Close']),
  /** Since when it is in this state. */
  since: z.string(),
});

const route = z.object({
  /** Whether the kernel uses it (FIB), or only BGP knows it (RIB). */
  type: z.enum(['FIB', 'RIB']),
  destination: z.string(),
  gateway: z.string(),
  interface: z.string(),
  learnedFrom: z.object({
    sourceType: z.enum(['Kernel', 'Static', 'Direct', 'NodeMesh', 'BGPPeer']),
    peerIP: z.string().optional(),
  }),
});

const count = z.int().min(0);

/** The report. It is written, never read: reading it back would make every report a change of the cluster. */
export const calicoNodeStatusReport = z.object({
  /** RFC 3339. */
  lastUpdated: z.string().optional(),
  agent: z.object({ birdV4: agentOfFamily.optional(), birdV6: agentOfFamily.optional() }).optional(),
  bgp: z
    .object({
      numberEstablishedV4: count,
      numberEstablishedV6: count,
      numberNotEstablishedV4: count,
      numberNotEstablishedV6: count,
      peersV4: z.array(peer).optional(),
      peersV6: z.array(peer).optional(),
    })
    .optional(),
  routes: z.object({ routesV4: z.array(route).optional(), routesV6: z.array(route).optional() }).optional(),
});

export const CALICO_NODE_STATUS = defineKind({
  kind: 'CalicoNodeStatus',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: true,
});

/** One that was read has no status. */
export type CalicoNodeStatus = Resource<
  'CalicoNodeStatus',
  Immutable<z.output<typeof spec>>,
  Immutable<z.output<typeof calicoNodeStatusReport>>
>;
