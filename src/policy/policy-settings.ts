/** What counts for a node as a whole, from Calico's resources and the configuration of the node. */
import { parsePrefix } from '../net/prefix.ts';
import type { FelixConfiguration } from '../resources/kinds/felix-configuration.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { protocolNumber } from '../net/protocols.ts';
import type { PolicyProblem } from './problem.ts';
import type { Failsafe, PolicySettings } from './settings.ts';

type FelixSpec = FelixConfiguration['spec'];

/** What the configuration of the node says instead of FelixConfiguration, in its words; what is undefined it leaves. */
export interface PolicyOverrides {
  readonly felix?: Partial<FelixSpec>;
  /** False: another process gives packets that leave the pools an address of the node. */
  readonly masquerade?: boolean;
  /** False: another process stops packets to services that nobody serves. */
  readonly loops?: boolean;
}

export interface SettingsResources {
  readonly felix: Iterable<FelixConfiguration>;
  readonly pools: Iterable<ResourceOf<'IPPool'>>;
  readonly bgp: Iterable<ResourceOf<'BGPConfiguration'>>;
  readonly cluster: Iterable<ResourceOf<'ClusterInformation'>>;
}

export function policySettings(
  resources: SettingsResources,
  node: string,
  overrides: PolicyOverrides,
): { settings: PolicySettings; problems: readonly PolicyProblem[] } {
  const felix = felixSpec(resources.felix, node, overrides.felix);
  // Empty counts as not set: else every interface would be a workload's.
  const interfacePrefixes = (felix.interfacePrefix || 'cali').split(',').map((prefix) => prefix.trim());
  const settings: PolicySettings = {
    interfacePrefixes,
    endpointToHost: felix.defaultEndpointToHostAction ?? 'Drop',
    failsafes: {
      ingress: failsafes(felix.failsafeInboundHostPorts) ?? FAILSAFES_IN,
      egress: failsafes(felix.failsafeOutboundHostPorts) ?? FAILSAFES_OUT,
    },
    dropInvalid: felix.disableConntrackInvalidCheck !== true,
    vxlanPort: felix.allowVXLANPacketsFromWorkloads === true ? undefined : (felix.vxlanPort ?? 4789),
    dropIpip: felix.allowIPIPPacketsFromWorkloads !== true,
    sourceSpoofing: felix.workloadSourceSpoofing === 'Any',
    logPrefix: felix.logPrefix ?? 'calico-packet',
    openstack: openstack(felix, interfacePrefixes, [...resources.cluster]),
    masquerade: overrides.masquerade === false ? { sources: [], pools: [] } : masquerade([...resources.pools]),
    loops: overrides.loops === false ? undefined : loops(felix, [...resources.bgp]),
  };
  return { settings, problems: [] };
}

/** What the node's configuration says, else the object for the node, else the one for all. */
export function felixSpec(
  objects: Iterable<FelixConfiguration>,
  node: string,
  overrides: Partial<FelixSpec> = {},
): FelixSpec {
  const specs = new Map(Array.from(objects, ({ metadata, spec }) => [metadata.name, spec]));
  const merged: Record<string, unknown> = {};
  for (const spec of [specs.get('default'), specs.get(`node.${node}`), overrides]) {
    for (const [field, value] of Object.entries(spec ?? {})) if (value !== undefined) merged[field] = value;
  }
  return merged;
}

function ports(protocol: number, numbers: readonly number[]): Failsafe[] {
  return numbers.map((port) => ({ protocol, port }));
}

const TCP = protocolNumber('TCP');
const UDP = protocolNumber('UDP');
const CLUSTER_PORTS = [179, 2379, 2380, 5473, 6443, 6666, 6667];

/** Ports that Calico leaves open: SSH, BGP, etcd, Typha, the API server, DHCP and DNS. */
const FAILSAFES_IN: readonly Failsafe[] = [...ports(TCP, [22, ...CLUSTER_PORTS]), ...ports(UDP, [68])];
const FAILSAFES_OUT: readonly Failsafe[] = [...ports(TCP, CLUSTER_PORTS), ...ports(UDP, [53, 67])];

function failsafes(written: FelixSpec['failsafeInboundHostPorts']): readonly Failsafe[] | undefined {
  return written?.map(({ protocol, port, net }) => ({
    protocol: protocolNumber(protocol),
    port,
    ...(net === undefined ? {} : { net: parsePrefix(net) }),
  }));
}

/** Where Calico's metadata service is unless something else is said. */
const METADATA = { address: '127.0.0.1', port: 8775 } as const;

/** There where something of OpenStack is configured, as Felix judges it. */
function openstack(
  felix: FelixSpec,
  prefixes: readonly string[],
  clusters: readonly ResourceOf<'ClusterInformation'>[],
): PolicySettings['openstack'] {
  const { metadataAddr: address = METADATA.address, metadataPort: port = METADATA.port, openstackRegion = '' } = felix;
  const known = clusters.some(({ spec }) => spec.clusterType?.toLowerCase().includes('openstack') === true);
  const configured = address !== METADATA.address || port !== METADATA.port || openstackRegion !== '';
  if (!known && !configured && !prefixes.includes('tap')) return undefined;
  return { metadataAddress: address, metadataPort: port };
}

function masquerade(pools: readonly ResourceOf<'IPPool'>[]): PolicySettings['masquerade'] {
  const prefixes = (some: readonly ResourceOf<'IPPool'>[]) =>
    some
      .map(({ spec }) => spec.cidr)
      .sort()
      .map(parsePrefix);
  return { sources: prefixes(pools.filter(({ spec }) => spec.natOutgoing)), pools: prefixes(pools) };
}

function loops(felix: FelixSpec, objects: readonly ResourceOf<'BGPConfiguration'>[]): PolicySettings['loops'] {
  const action = felix.serviceLoopPrevention ?? 'Drop';
  const spec = objects.find(({ metadata }) => metadata.name === 'default')?.spec;
  const blocks = [spec?.serviceClusterIPs, spec?.serviceExternalIPs, spec?.serviceLoadBalancerIPs];
  const ranges = [...new Set(blocks.flatMap((some) => some?.map(({ cidr }) => cidr) ?? []))].sort().map(parsePrefix);
  return action === 'Disabled' || ranges.length === 0 ? undefined : { action, ranges };
}
