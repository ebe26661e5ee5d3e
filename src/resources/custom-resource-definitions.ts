/**
 * The CustomResourceDefinitions that a cluster needs: of Starling's own kinds, and of Calico's kinds that BGP is configured
 * with, for clusters without Calico. They are made from the schemas that read the kinds; `npm run crds` writes them down.
 */
import type { z } from 'zod';
import { CALICO_API_VERSION, CALICO_CRD_API_VERSION, STARLING_API_VERSION } from './kind-definition.ts';
import type { KindDefinition } from './kind-definition.ts';
import { BGP_CONFIGURATION } from './kinds/bgp-configuration.ts';
import { BGP_FILTER } from './kinds/bgp-filter.ts';
import { BGP_PEER } from './kinds/bgp-peer.ts';
import { BLOCK_AFFINITY } from './kinds/block-affinity.ts';
import { CALICO_NODE_STATUS, calicoNodeStatusReport } from './kinds/calico-node-status.ts';
import { CLUSTER_INFORMATION } from './kinds/cluster-information.ts';
import { FELIX_CONFIGURATION } from './kinds/felix-configuration.ts';
import { IP_POOL } from './kinds/ip-pool.ts';
import { PEER_PROFILE } from './kinds/peer-profile.ts';
import { SERVICE_ADVERTISEMENT } from './kinds/service-advertisement.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject } from './resource.ts';
import { structuralSchema } from './structural-schema.ts';

/** What a cluster is told of a kind beside its schema. All kinds are cluster-scoped. */
interface CustomResource {
  readonly definition: KindDefinition;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly description: string;
  /** Columns of `kubectl get`: header and JSON path. */
  readonly columns: readonly (readonly [name: string, path: string])[];
  /** Rules on the spec in the Common Expression Language, each with what to say where it doesn't hold. */
  readonly rules?: readonly (readonly [rule: string, message: string])[];
  /** The status where somebody writes one; `any` where its fields are not ours. */
  readonly status?: z.core.$ZodType | 'any';
}

const OWN: readonly CustomResource[] = [
  {
    definition: PEER_PROFILE,
    plural: 'peerprofiles',
    shortNames: ['pp'],
    description: 'Settings of BGP sessions that Calico has no fields for, for the peers that peerSelector picks.',
    columns: [
      ['Peers', '.spec.peerSelector'],
      ['Topology', '.spec.topologyKey'],
      ['Hold time', '.spec.holdTime'],
    ],
    rules: [
      [
        "!has(self.holdTime) || duration(self.holdTime) == duration('0s') || " +
          "(duration(self.holdTime) >= duration('3s') && duration(self.holdTime) <= duration('65535s'))",
        'holdTime must be 0s, or 3s to 65535s',
      ],
      [
        "!has(self.keepaliveTime) || (duration(self.keepaliveTime) >= duration('1s') && " +
          "duration(self.keepaliveTime) <= duration('21845s'))",
        'keepaliveTime must be 1s to 21845s',
      ],
      [
        "!has(self.connectRetryTime) || (duration(self.connectRetryTime) >= duration('1s') && " +
          "duration(self.connectRetryTime) <= duration('65535s'))",
        'connectRetryTime must be 1s to 65535s',
      ],
      [
        '!has(self.gracefulRestart) || !has(self.gracefulRestart.restartTime) || ' +
          "duration(self.gracefulRestart.restartTime) <= duration('4095s')",
        'gracefulRestart.restartTime must be at most 4095s',
      ],
      [
        "!has(self.gracefulRestart) || !has(self.gracefulRestart.mode) || self.gracefulRestart.mode != 'Disabled' || " +
          '!(has(self.gracefulRestart.restartTime) || has(self.gracefulRestart.longLived))',
        'gracefulRestart has no times with mode Disabled',
      ],
      [
        '!has(self.maxPrefixes) || !has(self.maxPrefixes.warnAt) || self.maxPrefixes.warnAt <= self.maxPrefixes.limit',
        'maxPrefixes.warnAt must be at most maxPrefixes.limit',
      ],
      [
        '!has(self.authentication) || !(has(self.authentication.nextPassword) && has(self.authentication.ao))',
        'authentication has either nextPassword, for TCP MD5, or ao',
      ],
    ],
  },
  {
    definition: SERVICE_ADVERTISEMENT,
    plural: 'serviceadvertisements',
    shortNames: ['svcadv'],
    description: 'How the Services that serviceSelector picks are advertised, beyond what Calico has fields for.',
    columns: [
      ['Services', '.spec.serviceSelector'],
      ['Scope', '.spec.scope'],
      ['Others', '.spec.others'],
    ],
    rules: [
      [
        "!has(self.others) || !has(self.scope) || self.scope != 'Cluster'",
        'others must not be set with scope Cluster, where there are no others',
      ],
    ],
  },
];

/** True where a text field of the spec is given. */
const given = (field: string) => `(has(self.${field}) && self.${field} != '')`;

const CALICO: readonly CustomResource[] = [
  {
    definition: BGP_CONFIGURATION,
    plural: 'bgpconfigurations',
    description: 'What holds for all BGP of the cluster (name "default") or of one node (name "node.<node name>").',
    columns: [
      ['AS', '.spec.asNumber'],
      ['Mesh', '.spec.nodeToNodeMeshEnabled'],
    ],
  },
  {
    definition: BGP_FILTER,
    plural: 'bgpfilters',
    description: 'Ordered rules for what is taken from and told to the peers that name the filter.',
    columns: [],
  },
  {
    definition: BGP_PEER,
    plural: 'bgppeers',
    description: 'Which nodes peer with whom.',
    columns: [
      ['Node', '.spec.node'],
      ['Nodes', '.spec.nodeSelector'],
      ['Peer', '.spec.peerIP'],
      ['Peers', '.spec.peerSelector'],
      ['AS', '.spec.asNumber'],
    ],
    rules: [
      [`!(${given('node')} && ${given('nodeSelector')})`, 'node and nodeSelector must not be set together'],
      [
        `[${given('peerIP')}, ${given('peerSelector')}, ${given('localWorkloadSelector')}].filter(x, x).size() == 1`,
        'one of peerIP, peerSelector and localWorkloadSelector must be set',
      ],
      [`!(${given('peerSelector')} && has(self.asNumber))`, 'asNumber must not be set together with peerSelector'],
      [`${given('peerSelector')} || has(self.asNumber)`, 'asNumber is required without peerSelector'],
      [`!${given('reachableBy')} || ${given('peerIP')}`, 'reachableBy needs peerIP'],
      [
        '!(has(self.nextHopMode) && has(self.keepOriginalNextHop) && self.keepOriginalNextHop)',
        'nextHopMode must not be set together with keepOriginalNextHop',
      ],
    ],
  },
  {
    definition: BLOCK_AFFINITY,
    plural: 'blockaffinities',
    description: 'Which node has taken which block of an IPPool.',
    columns: [
      ['CIDR', '.spec.cidr'],
      ['Node', '.spec.node'],
      ['State', '.spec.state'],
    ],
  },
  {
    definition: CALICO_NODE_STATUS,
    plural: 'caliconodestatuses',
    description: "A wish for a report on one node's BGP, and the report.",
    columns: [
      ['Node', '.spec.node'],
      ['Updated', '.status.lastUpdated'],
    ],
    status: calicoNodeStatusReport,
  },
  {
    definition: CLUSTER_INFORMATION,
    plural: 'clusterinformations',
    description: 'What Calico says of the cluster as a whole, in one object named "default".',
    columns: [['Version', '.spec.calicoVersion']],
  },
  {
    definition: FELIX_CONFIGURATION,
    plural: 'felixconfigurations',
    description: "Settings of Felix, Calico's agent. Only what decides who programs a node's routes is described.",
    columns: [],
  },
  {
    definition: IP_POOL,
    plural: 'ippools',
    description: 'A range of addresses for workloads, and how their traffic crosses the network.',
    columns: [
      ['CIDR', '.spec.cidr'],
      ['IPIP', '.spec.ipipMode'],
      ['VXLAN', '.spec.vxlanMode'],
    ],
    rules: [['self.cidr == oldSelf.cidr', 'cidr can not be changed']],
    status: 'any',
  },
];

/** The definitions by the API group that they are of, which is the name of their file. */
export function customResourceDefinitions(): ReadonlyMap<string, readonly JsonObject[]> {
  const groups: [apiVersion: string, kinds: readonly CustomResource[]][] = [
    [STARLING_API_VERSION, OWN],
    [CALICO_API_VERSION, CALICO],
    [CALICO_CRD_API_VERSION, CALICO],
  ];
  return new Map(
    groups.map(([apiVersion, kinds]) => {
      const [group, version] = apiVersion.split('/');
      return [group, kinds.map((kind) => customResourceDefinition(kind, group, version))];
    }),
  );
}

function customResourceDefinition(kind: CustomResource, group: string, version: string): JsonObject {
  const name = kind.definition.kind;
  // Calico's code writes whole objects into its v1 custom resources, which drops a status that is a subresource.
  const subresource = kind.status !== undefined && `${group}/${version}` !== CALICO_CRD_API_VERSION;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${group}` },
    spec: {
      group,
      names: {
        kind: name,
        listKind: `${name}List`,
        plural: kind.plural,
        singular: name.toLowerCase(),
        ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
      },
      scope: 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(subresource ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: [
            ...kind.columns.map(([column, jsonPath]) => ({ name: column, type: 'string', jsonPath })),
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: { openAPIV3Schema: objectSchema(kind, `${group}/${version}`) },
        },
      ],
    },
  };
}

function objectSchema({ definition, description, rules, status }: CustomResource, apiVersion: string): JsonObject {
  // `deleted` of BlockAffinity is a text in the v1 custom resources.
  const booleanOrText = apiVersion === CALICO_CRD_API_VERSION ? 'string' : 'boolean';
  const { properties } = structuralSchema(definition.schema, booleanOrText);
  const spec = isJsonObject(properties) && isJsonObject(properties['spec']) ? properties['spec'] : {};
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: {
        ...spec,
        // A kind of which not all is read has more fields.
        ...(definition.reportUnknownFields ? {} : { 'x-kubernetes-preserve-unknown-fields': true }),
        ...(rules === undefined
          ? {}
          : { 'x-kubernetes-validations': rules.map(([rule, message]) => ({ rule, message })) }),
      },
      ...(status === undefined ? {} : { status: statusSchema(status) }),
    },
  };
}

function statusSchema(status: NonNullable<CustomResource['status']>): JsonObject {
  if (status === 'any') return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return structuralSchema(status, 'boolean');
}
