/** BGPConfiguration: what holds for all BGP of the cluster (name `default`) or of one node (name `node.<node name>`). */
import { z } from 'zod';
import {
  asNumber,
  cidr,
  community,
  duration,
  emptyAsUnset,
  interfaceGlob,
  ipv4Address,
  ipv6Address,
} from '../fields.ts';
import { routePriority, secretKeyRef, textField } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Immutable, Metadata, Problem } from '../resource.ts';

/** Prefixes of services; an entry with an empty `cidr` means nothing. */
const serviceBlocks = z
  .array(z.object({ cidr: z.union([z.literal(''), cidr]) }))
  .transform((blocks) => blocks.filter((block) => block.cidr !== ''));

/** Of which kinds of pools BGP, or Felix, programs the routes; never of VXLAN pools. */
export const PROGRAM_CLUSTER_ROUTES = ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly'] as const;

const SEVERITIES = ['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'];

const severity = textField(
  (text) => SEVERITIES.find((name) => name.toLowerCase() === text.toLowerCase()),
  `one of ${SEVERITIES.join(', ')}`,
);

/**
 * All fields are optional here, because an object for one node says only what differs there; `bgpSettings` puts
 * the objects and the defaults together.
 */
const spec = z.object({
  logSeverityScreen: emptyAsUnset(severity),
  nodeToNodeMeshEnabled: z.boolean().optional(),
  asNumber: asNumber.optional(),
  serviceLoadBalancerIPs: serviceBlocks.optional(),
  serviceExternalIPs: serviceBlocks.optional(),
  serviceClusterIPs: serviceBlocks.optional(),
  serviceLoadBalancerAggregation: z.enum(['Enabled', 'Disabled']).optional(),
  communities: z
    .array(z.object({ name: z.string().min(1).max(253), value: community }))
    .max(500)
    .optional(),
  prefixAdvertisements: z
    .array(z.object({ cidr, communities: z.array(z.string().min(1)).max(50).default([]) }))
    .max(500)
    .optional(),
  /** 0 means unset. */
  listenPort: z.int().min(0).max(65535).optional(),
  nodeMeshPassword: secretKeyRef.optional(),
  nodeMeshMaxRestartTime: duration.optional(),
  bindMode: z.enum(['None', 'NodeIP']).optional(),
  ignoredInterfaces: z.array(interfaceGlob.refine((glob) => glob !== '*', 'must not be "*"')).optional(),
  localWorkloadPeeringIPV4: emptyAsUnset(ipv4Address),
  localWorkloadPeeringIPV6: emptyAsUnset(ipv6Address),
  programClusterRoutes: z.enum(PROGRAM_CLUSTER_ROUTES).optional(),
  ipv4NormalRoutePriority: routePriority.optional(),
  ipv6NormalRoutePriority: routePriority.optional(),
});

type Spec = Immutable<z.output<typeof spec>>;

/** The fields that an object for one node may set. */
const PER_NODE_FIELDS = new Set(['logSeverityScreen', 'prefixAdvertisements', 'listenPort']);

export const BGP_CONFIGURATION = defineKind({
  kind: 'BGPConfiguration',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: true,
  // A newer Calico may know more values; without the object the AS number and all else would be others.
  tolerates: (field) => field === 'programClusterRoutes',
  review,
});

export type BGPConfiguration = ResourceOfDefinition<typeof BGP_CONFIGURATION>;

function review({ metadata: { name }, spec }: { metadata: Metadata; spec: Spec }): Review {
  if (name === 'default') return { warnings: reviewDefault(spec) };
  if (!/^node\../.test(name)) {
    return { ignored: 'only BGPConfigurations named "default" or "node.<node name>" have an effect', warnings: [] };
  }
  const fields = Object.keys(spec).filter((field) => !PER_NODE_FIELDS.has(field));
  return { warnings: fields.map((field) => warning([field], 'has an effect only in BGPConfiguration "default"')) };
}

function reviewDefault(spec: Spec): Problem[] {
  const warnings: Problem[] = [];
  const { communities = [], prefixAdvertisements = [], nodeToNodeMeshEnabled = true } = spec;
  if (communities.length > 0 && prefixAdvertisements.length === 0) {
    warnings.push(warning(['communities'], 'has no effect without prefixAdvertisements'));
  }
  for (const field of nodeToNodeMeshEnabled ? [] : (['nodeMeshPassword', 'nodeMeshMaxRestartTime'] as const)) {
    if (spec[field] !== undefined)
      warnings.push(warning([field], 'has no effect while nodeToNodeMeshEnabled is false'));
  }
  const names = new Set(communities.map(({ name }) => name));
  for (const [i, advertisement] of prefixAdvertisements.entries()) {
    for (const [j, item] of advertisement.communities.entries()) {
      if (names.has(item) || community.safeParse(item).success) continue;
      const path = ['prefixAdvertisements', i, 'communities', j];
      warnings.push(warning(path, `"${item}" is neither a community nor a name defined under communities; ignored`));
    }
  }
  return warnings;
}

function warning(path: readonly (string | number)[], message: string): Problem {
  return { path: ['spec', ...path], message, severity: 'warning' };
}
