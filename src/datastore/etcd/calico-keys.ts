/** Where Calico keeps what in etcd (libcalico-go's `backend/model`), and how it becomes what a manifest says. */
import type { Kind } from '../../resources/kinds.ts';
import { isJsonObject } from '../../resources/resource.ts';
import type { Purpose } from '../purpose.ts';
import type { RawItem } from '../raw-item.ts';

/** Keys that are read together. */
export interface KeyRange {
  /** What they begin with, or the only one. */
  readonly name: string;
  readonly key: Buffer;
  /** The first key after them; absent for a single one. */
  readonly rangeEnd?: Buffer;
  readonly kind: Kind;
  /** Whether a node can begin without, where the user may not read it. */
  readonly optional: boolean;
  /** Whether there are so many that they are handed on instead of being held; their keys then end with namespace and name. */
  readonly many?: true;
  /** The object at a key; never throws. */
  readonly read: (key: string, value: Buffer) => RawItem;
}

const RESOURCES = '/calico/resources/v3/';
const CALICO = 'projectcalico.org';
const CALICO_VERSION = `${CALICO}/v3`;

type Row = readonly [plural: string, kind: Kind, optional?: true];

/** Of these something counts even where nothing of them can be read but their name, which the key says. */
const CLOSED_UNREAD: ReadonlySet<Kind> = new Set(['GlobalNetworkPolicy', 'NetworkPolicy', 'Profile', 'Tier']);

/** Kinds of which every node reads all objects, by what their keys say. */
const ROUTING_KINDS: readonly Row[] = [
  ['bgpconfigurations', 'BGPConfiguration'],
  ['bgpfilters', 'BGPFilter'],
  ['bgppeers', 'BGPPeer'],
  ['clusterinformations', 'ClusterInformation', true],
  ['felixconfigurations', 'FelixConfiguration', true],
  ['ippools', 'IPPool'],
  ['nodes', 'Node'],
];

/** Where one of these may not be read, nothing is enforced: what it says may close something. */
const POLICY_KINDS: readonly Row[] = [
  ['bgpconfigurations', 'BGPConfiguration', true],
  ['clusterinformations', 'ClusterInformation', true],
  ['felixconfigurations', 'FelixConfiguration'],
  ['globalnetworkpolicies', 'GlobalNetworkPolicy'],
  ['globalnetworksets', 'GlobalNetworkSet'],
  ['hostendpoints', 'HostEndpoint'],
  ['ippools', 'IPPool'],
  ['networkpolicies', 'NetworkPolicy'],
  ['networksets', 'NetworkSet'],
  ['profiles', 'Profile'],
  ['tiers', 'Tier'],
];

/** Starling's own kinds lie beside Calico's, where a user with rights on `/calico/` reaches them. */
const OWN_KINDS: readonly [plural: string, kind: Kind][] = [
  ['peerprofiles', 'PeerProfile'],
  ['serviceadvertisements', 'ServiceAdvertisement'],
];

/** Key of one of Calico's resources. */
export function calicoKey(plural: string, name: string): string {
  return `${RESOURCES}${CALICO}/${plural}/${name}`;
}

/** All that a process on a node reads. */
export function keyRanges(nodeName: string, purpose: Purpose): readonly KeyRange[] {
  return purpose === 'policy' ? [...POLICY_KINDS.map(forPolicies), workloadEndpoints()] : routingRanges(nodeName);
}

/**
 * Of the block affinities only those of the node, of the CalicoNodeStatuses only the one that bears its name: every node writes
 * to those, and nobody but the writer wants to know.
 */
function routingRanges(nodeName: string): readonly KeyRange[] {
  const nodeStatus = calicoKey('caliconodestatuses', nodeName);
  return [
    ...ROUTING_KINDS.map(ofCalico),
    ...OWN_KINDS.map(([plural, kind]) =>
      below(`${RESOURCES}starling.dev/${plural}/`, { kind, optional: true, read: readResource }),
    ),
    {
      name: nodeStatus,
      key: Buffer.from(nodeStatus),
      kind: 'CalicoNodeStatus',
      optional: true,
      read: readResource,
    },
    below(`/calico/ipam/v2/host/${nodeName}/`, {
      kind: 'BlockAffinity',
      optional: false,
      read: (key, value) => readAffinity(nodeName, key, value),
    }),
  ];
}

function ofCalico([plural, kind, optional]: Row): KeyRange {
  return below(calicoKey(plural, ''), { kind, optional: optional ?? false, read: readResource });
}

function forPolicies([plural, kind, optional]: Row): KeyRange {
  const prefix = calicoKey(plural, '');
  const read = (key: string, value: Buffer) => readByKey(kind, prefix, key, value);
  return below(prefix, { kind, optional: optional ?? false, read });
}

/** Kind, namespace and name are what the key says, so that no object takes the place of another. */
function readByKey(kind: Kind, prefix: string, key: string, value: Buffer): RawItem {
  const { value: parsed } = parse(value);
  if (!isJsonObject(parsed) && !CLOSED_UNREAD.has(kind)) return readResource(key, value);
  const written = isJsonObject(parsed) ? parsed : { spec: 'not JSON' };
  const metadata = isJsonObject(written['metadata']) ? written['metadata'] : {};
  const [name, namespace] = key.slice(prefix.length).split('/').toReversed();
  return {
    key,
    place: key,
    value: { ...written, apiVersion: CALICO_VERSION, kind, metadata: { ...metadata, namespace, name } },
  };
}

function workloadEndpoints(): KeyRange {
  const range = below(calicoKey('workloadendpoints', ''), {
    kind: 'WorkloadEndpoint',
    optional: false,
    read: readAsNamed,
  });
  return { ...range, many: true };
}

function below(prefix: string, of: Pick<KeyRange, 'kind' | 'optional' | 'read'>): KeyRange {
  const key = Buffer.from(prefix);
  // The prefix ends with a slash, so that its last byte can be counted up.
  const rangeEnd = Buffer.from(key);
  rangeEnd[rangeEnd.length - 1] += 1;
  return { name: prefix, key, rangeEnd, ...of };
}

function readResource(key: string, value: Buffer): RawItem {
  const { value: read, unreadable } = parse(value);
  return { key, place: key, value: read, unreadable };
}

/** What is at a key that ends with namespace and name, which count, whatever the object says. */
function readAsNamed(key: string, value: Buffer): RawItem {
  const item = readResource(key, value);
  const metadata = isJsonObject(item.value) ? item.value['metadata'] : undefined;
  if (!isJsonObject(item.value) || !isJsonObject(metadata)) return item;
  const end = key.lastIndexOf('/');
  const namespace = key.slice(key.lastIndexOf('/', end - 1) + 1, end);
  const name = key.slice(end + 1);
  if (metadata['name'] === name && metadata['namespace'] === namespace) return item;
  return { ...item, value: { ...item.value, metadata: { ...metadata, namespace, name } } };
}

/** Ends with `ipv4/block/10.0.0.0-26`; the family is that of the block. */
const AFFINITY = /\/ipv[46]\/block\/([0-9a-fA-F.:]+)-(\d+)$/;

function readAffinity(node: string, key: string, value: Buffer): RawItem {
  const [, address, length] = AFFINITY.exec(key) ?? [];
  if (address === undefined) return { key, place: key, value: undefined, unreadable: 'is not the key of a block' };
  const { value: written, unreadable } = value.length === 0 ? { value: {} } : parse(value);
  if (unreadable !== undefined) return { key, place: key, value: undefined, unreadable };
  const { state, deleted } = isJsonObject(written) ? written : {};
  const name = `${node}-${address}-${length}`.replaceAll(/[.:]/g, '-');
  return {
    key,
    place: key,
    value: {
      apiVersion: CALICO_VERSION,
      kind: 'BlockAffinity',
      // The end of a long name is what tells the blocks apart.
      metadata: { name: name.slice(-253) },
      spec: { node, type: 'host', cidr: `${address}/${length}`, state, deleted },
    },
  };
}

function parse(value: Buffer): Pick<RawItem, 'value' | 'unreadable'> {
  try {
    return { value: JSON.parse(value.toString()) };
  } catch {
    // What the parser says quotes the text.
    return { value: undefined, unreadable: 'is not JSON' };
  }
}
