/** From the resources that have addresses to endpoints. */
import type { ResourceOf } from '../resources/kinds.ts';
import type { Labels } from '../resources/selector.ts';
import { namespaceProfileName } from './compile-profile.ts';
import type { Endpoint } from './endpoint.ts';
import { ownLabels } from './labels.ts';
import { podEndpoint } from './pod-endpoint.ts';
import { protocolNumber } from '../net/protocols.ts';

/** Of which node the endpoints are local. */
export interface EndpointContext {
  readonly node: string;
  /** What names of workloads' interfaces begin with; of several, with commas between, the first counts. */
  readonly interfacePrefix: string;
}

export type EndpointResource = ResourceOf<
  'Pod' | 'WorkloadEndpoint' | 'HostEndpoint' | 'NetworkSet' | 'GlobalNetworkSet'
>;

/** What selectors pick of a resource; undefined where it is none, such as a Pod in the network of its node. */
export function endpointOf(resource: EndpointResource, context: EndpointContext): Endpoint | undefined {
  switch (resource.kind) {
    case 'Pod':
      return podEndpoint(resource, context);
    case 'WorkloadEndpoint':
      return workloadEndpoint(resource, context);
    case 'HostEndpoint':
      return hostEndpoint(resource, context);
    case 'NetworkSet':
    case 'GlobalNetworkSet':
    default:
      return networkSet(resource);
  }
}

function workloadEndpoint({ metadata, spec }: ResourceOf<'WorkloadEndpoint'>, { node }: EndpointContext): Endpoint {
  const { name, namespace = '' } = metadata;
  return {
    key: `WorkloadEndpoint ${namespace}/${name}`,
    kind: 'workload',
    // Texts that are added up keep their parts, and there are a hundred thousand of them.
    name: [namespace, spec.pod ?? name].join('/'),
    namespace,
    node: spec.node,
    labels: ownLabels(metadata.labels, {
      namespace,
      orchestrator: spec.orchestrator,
      serviceAccount: spec.serviceAccountName,
    }),
    profiles: spec.profiles,
    addresses: spec.ipNetworks.map(withoutLength),
    ports: portsOf(spec.ports),
    ...(spec.node === node
      ? { local: { interfaceName: spec.interfaceName, up: true, spoofable: spec.allowSpoofedSourcePrefixes } }
      : {}),
  };
}

function hostEndpoint({ metadata, spec }: ResourceOf<'HostEndpoint'>, { node }: EndpointContext): Endpoint {
  const { interfaceName } = spec;
  return {
    key: `HostEndpoint /${metadata.name}`,
    kind: 'host',
    name: metadata.name,
    node: spec.node,
    labels: metadata.labels,
    profiles: spec.profiles,
    addresses: spec.expectedIPs,
    ports: portsOf(spec.ports),
    ...(spec.node === node
      ? { local: { ...(interfaceName === undefined ? {} : { interfaceName }), up: true, spoofable: [] } }
      : {}),
  };
}

function networkSet({ kind, metadata, spec }: ResourceOf<'NetworkSet' | 'GlobalNetworkSet'>): Endpoint {
  const { name, namespace } = metadata;
  const common = {
    key: `${kind} ${namespace ?? ''}/${name}`,
    kind: 'set',
    addresses: [...new Set(spec.nets.flatMap(membersOf))],
    ports: [],
  } as const;
  if (kind === 'GlobalNetworkSet' || namespace === undefined) {
    return { ...common, name, labels: metadata.labels, profiles: [] };
  }
  const labels: Labels = ownLabels(metadata.labels, { namespace });
  return { ...common, name: `${namespace}/${name}`, namespace, labels, profiles: [namespaceProfileName(namespace)] };
}

/** Halves of all there is: an interval in the kernel's sets can not be everything. */
const HALVES: ReadonlyMap<string, readonly string[]> = new Map([
  ['0.0.0.0/0', ['0.0.0.0/1', '128.0.0.0/1']],
  ['::/0', ['::/1', '8000::/1']],
]);

function membersOf(net: string): readonly string[] {
  return HALVES.get(net) ?? [withoutLength(net)];
}

/** A prefix of a single address as that address. */
function withoutLength(net: string): string {
  const slash = net.indexOf('/');
  const single = net.includes(':') ? '/128' : '/32';
  return slash >= 0 && net.slice(slash) === single ? net.slice(0, slash) : net;
}

type WrittenPorts = ResourceOf<'WorkloadEndpoint'>['spec']['ports'];

/** Ports that have names; only by these do rules know them. */
function portsOf(ports: WrittenPorts): Endpoint['ports'] {
  return ports.flatMap(({ name, protocol, port }) =>
    name === undefined ? [] : [{ name, protocol: protocolNumber(protocol), port }],
  );
}
