/** What is asked for in the Kubernetes API, and what of it is kept. */
import { createHash } from 'node:crypto';
import type { Kind } from '../../resources/kinds.ts';
import { isJsonObject } from '../../resources/resource.ts';
import type { JsonObject } from '../../resources/resource.ts';
import { FieldPicker } from './field-picker.ts';
import type { Purpose } from '../purpose.ts';

/** The API groups in which Calico's kinds are found. */
export type CalicoGroup = 'projectcalico.org/v3' | 'crd.projectcalico.org/v1';

/** One list and watch. */
export interface ApiResource {
  /** As it is called in the status. */
  readonly name: string;
  readonly kind: Kind;
  /** {@link CALICO_VERSION} is whichever of Calico's groups the cluster has. */
  readonly apiVersion: string;
  readonly plural: string;
  /** Where only the objects of one namespace are wanted. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Where only the object of this name is wanted. */
  readonly objectName?: string;
  /** Fields that are kept beside those that every object has. */
  readonly fields: readonly string[];
  /** Whether a node can begin without: sessions and the routes to its pods don't depend on it. */
  readonly optional: boolean;
  /** Whether an object that leaves it may come up in another list of its kind. */
  readonly partial?: true;
  /** Whether there are so many that they are not kept as they were read; nothing looks at their values again. */
  readonly many?: true;
  /** Whether there are so many that they are handed on instead of being held. */
  readonly passing?: true;
  /** Leaves out of the JSON of an object what is of no use, for kinds with many large objects. */
  readonly picker?: FieldPicker;
  /** Which objects are of use; all where it is left out. */
  readonly wanted?: (object: JsonObject) => boolean;
}

/** Stands for the API version that Calico's kinds have in the cluster. */
const CALICO_VERSION = 'calico';

/** What is wanted of the API. */
export interface Scope {
  readonly purpose: Purpose;
  /** `companion` to a datastore that has all but what only Kubernetes has. */
  readonly scope: 'all' | 'companion';
  /** Whose blocks are wanted. */
  readonly nodeName: string;
  /** Whether they are the pod CIDRs of its Node. */
  readonly usePodCidr: boolean;
}

const OWN_API = 'starling.dev/v1alpha1';

const ENDPOINT_SLICES: ApiResource = {
  ...kubernetes('EndpointSlice', 'discovery.k8s.io/v1', 'endpointslices', ['addressType', 'endpoints']),
  optional: true,
  many: true,
};

const NAMESPACES = kubernetes('Namespace', 'v1', 'namespaces', []);

/** Kinds of the cluster beside Calico's that a datastore other than Kubernetes lacks. */
const CLUSTER: readonly ApiResource[] = [
  { ...kubernetes('Service', 'v1', 'services', ['spec', 'status']), optional: true, many: true },
  ENDPOINT_SLICES,
  { ...NAMESPACES, optional: true },
];

const CALICO: readonly ApiResource[] = [
  calico('IPPool', 'ippools'),
  calico('BGPConfiguration', 'bgpconfigurations'),
  calico('BGPPeer', 'bgppeers'),
  calico('BGPFilter', 'bgpfilters'),
  calico('ClusterInformation', 'clusterinformations', true),
  calico('FelixConfiguration', 'felixconfigurations', true),
];

const OWN: readonly ApiResource[] = [
  { ...calico('PeerProfile', 'peerprofiles', true), apiVersion: OWN_API },
  { ...calico('ServiceAdvertisement', 'serviceadvertisements', true), apiVersion: OWN_API },
];

const NODE = kubernetes('Node', 'v1', 'nodes', ['spec', 'status']);

const CONTAINERS = { ports: true } as const;

/** Annotations in which network plug-ins say which addresses a Pod has. */
const ADDRESSES = {
  'cni.projectcalico.org/podIP': true,
  'cni.projectcalico.org/podIPs': true,
  'vpc.amazonaws.com/pod-ips': true,
  // And what else they may send from.
  'cni.projectcalico.org/allowedSourcePrefixes': true,
} as const;

/** What {@link itemOf} and the schema of Pods look at. */
const POD_FIELDS = new FieldPicker({
  metadata: {
    name: true,
    namespace: true,
    labels: true,
    annotations: ADDRESSES,
    resourceVersion: true,
    deletionTimestamp: true,
  },
  spec: {
    nodeName: true,
    serviceAccountName: true,
    hostNetwork: true,
    containers: CONTAINERS,
    initContainers: CONTAINERS,
  },
  status: { phase: true, podIP: true, podIPs: true },
});

/**
 * What policies need. Where one of these may not be read, nothing is enforced: what it says may close something. Workloads and their
 * profiles are no objects of Calico's here, but Pods, Namespaces and ServiceAccounts.
 */
const POLICY: readonly ApiResource[] = [
  calico('IPPool', 'ippools'),
  calico('BGPConfiguration', 'bgpconfigurations', true),
  calico('ClusterInformation', 'clusterinformations', true),
  calico('FelixConfiguration', 'felixconfigurations'),
  calico('Tier', 'tiers'),
  calico('GlobalNetworkPolicy', 'globalnetworkpolicies'),
  calico('NetworkPolicy', 'networkpolicies'),
  calico('GlobalNetworkSet', 'globalnetworksets'),
  calico('NetworkSet', 'networksets'),
  calico('HostEndpoint', 'hostendpoints'),
  kubernetes('KubernetesNetworkPolicy', 'networking.k8s.io/v1', 'networkpolicies', ['spec']),
  NAMESPACES,
  kubernetes('ServiceAccount', 'v1', 'serviceaccounts', []),
  {
    ...kubernetes('Pod', 'v1', 'pods', ['spec', 'status']),
    many: true,
    passing: true,
    picker: POD_FIELDS,
    wanted: hasOwnAddress,
  },
];

/** Sets of addresses and ports for the rules that name Services. */
const SERVICE_PORTS: ApiResource = { ...ENDPOINT_SLICES, fields: [...ENDPOINT_SLICES.fields, 'ports'] };

/** All that a process on a node needs, without Secrets, which are asked for by name. */
export function wantedResources(of: Scope): readonly ApiResource[] {
  const { purpose, scope, nodeName } = of;
  if (purpose === 'policy')
    return scope === 'all' ? [...POLICY, { ...SERVICE_PORTS, optional: false }] : [SERVICE_PORTS];
  // Services and what belongs to them, and what Kubernetes says of the node.
  if (scope === 'companion') return [...CLUSTER, { ...NODE, objectName: nodeName, optional: true }];
  return nodeResources(of);
}

function nodeResources({ nodeName, usePodCidr }: Pick<Scope, 'nodeName' | 'usePodCidr'>): readonly ApiResource[] {
  const nodeStatus = { ...calico('CalicoNodeStatus', 'caliconodestatuses', true), wanted: isFor(nodeName) };
  return [...CALICO, nodeStatus, ...(usePodCidr ? [] : blockAffinities(nodeName)), ...OWN, NODE, ...CLUSTER];
}

/** The Secret of this name. */
export function secretResource(namespace: string, name: string): ApiResource {
  const secret = kubernetes('Secret', 'v1', 'secrets', ['data', 'type']);
  return {
    ...secret,
    name: `Secret/${namespace}/${name}`,
    namespace,
    objectName: name,
    optional: true,
  };
}

/** Whether it depends on the cluster in which group it is. */
export function isCalicos({ apiVersion }: ApiResource): boolean {
  return apiVersion === CALICO_VERSION;
}

/** The API version of what is asked for, given the group of Calico's kinds. */
export function apiVersionOf({ apiVersion }: ApiResource, group: CalicoGroup): string {
  return apiVersion === CALICO_VERSION ? group : apiVersion;
}

/** The API version of a kind; that of Secrets for one that is not in the list. */
export function apiVersionOfKind(kind: string, group: CalicoGroup): string {
  const all = [...nodeResources({ nodeName: '', usePodCidr: false }), ...POLICY];
  const resource = all.find((one) => one.kind === kind);
  return resource === undefined ? 'v1' : apiVersionOf(resource, group);
}

/** Path of the collection, given the group of Calico's kinds. */
export function collectionPath(resource: ApiResource, group: CalicoGroup): string {
  const { plural, namespace } = resource;
  const version = apiVersionOf(resource, group);
  const root = version === 'v1' ? '/api/v1' : `/apis/${version}`;
  return `${root}/${namespace === undefined ? '' : `namespaces/${namespace}/`}${plural}`;
}

/** Whether the node that an object names is this one. */
function isFor(nodeName: string): NonNullable<ApiResource['wanted']> {
  return ({ spec }) => isJsonObject(spec) && spec['node'] === nodeName;
}

/** Whether a Pod has an address that is not its node's, which it has for its whole life. */
function hasOwnAddress({ spec }: JsonObject): boolean {
  return !isJsonObject(spec) || spec['hostNetwork'] !== true;
}

function kubernetes(kind: Kind, apiVersion: string, plural: string, fields: readonly string[]): ApiResource {
  return { name: kind, kind, apiVersion, plural, fields, optional: false };
}

function calico(kind: Kind, plural: string, optional = false): ApiResource {
  return { name: kind, kind, apiVersion: CALICO_VERSION, plural, fields: ['spec'], optional };
}

/** Label of affinities that have it since Calico 3.30; a cluster that was upgraded has some without. */
const HOSTNAME_HASH = 'projectcalico.org/hostname-hash';

/** Of a cluster's thousands of affinities, only those of this node, or those that don't say by label whose they are. */
function blockAffinities(nodeName: string): readonly ApiResource[] {
  const own = { ...calico('BlockAffinity', 'blockaffinities'), wanted: isFor(nodeName) };
  return [
    { ...own, labelSelector: `${HOSTNAME_HASH}=${hostnameHash(nodeName)}` },
    { ...own, name: 'BlockAffinity without label', partial: true, labelSelector: `!${HOSTNAME_HASH}` },
  ];
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** How Calico turns a node's name into a value for a label: SHA3-256 in base32 without padding (RFC 4648 §6). */
export function hostnameHash(nodeName: string): string {
  const digest = createHash('sha3-256').update(nodeName).digest();
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of digest) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + BASE32[(held << (5 - bits)) & 31];
}
