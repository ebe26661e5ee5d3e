/** Who the ends of a packet are that somebody asks about. */
import { ApiError } from '../../api/errors.ts';
import type { PacketEnd } from '../../api/agent-types.ts';
import { canonicalAddress, tryParseAddress } from '../../net/address.ts';
import type { Endpoint } from '../../policy/endpoint.ts';
import { HostInterfaces } from '../../policy/host-interfaces.ts';
import type { HostInterface } from '../../policy/host-interfaces.ts';
import type { PolicyEngine } from '../../policy/policy-engine.ts';
import { compareText } from '../../policy/resolve-rules.ts';
import type { IpVersion } from '../../policy/rule.ts';

/** What explanations are made from. */
export interface ExplanationInputs {
  readonly node: string;
  readonly engine: PolicyEngine;
  /** Of the node, as they are now. */
  readonly interfaces: readonly HostInterface[];
}

/** One end of a packet. */
export interface End {
  readonly query: string;
  /** Of the packet's version of IP; undefined for an interface that nobody is known at. */
  readonly address: string | undefined;
  /** The workload, or the HostEndpoint that counts; undefined: none that is known. */
  readonly endpoint: Endpoint | undefined;
  /** Whether it is this node itself. */
  readonly isHost: boolean;
  readonly sets: readonly Endpoint[];
  readonly notes: readonly string[];
}

/** What was asked for, before it is known of which version of IP the packet is. */
interface Candidate {
  readonly query: string;
  /** Undefined: it could have any. */
  readonly addresses: readonly string[] | undefined;
  readonly endpoint?: Endpoint;
  readonly notes?: readonly string[];
}

/** Both ends and the version of IP in which they talk. Throws {@link ApiError} where there are no such ends. */
export function packetEnds(
  inputs: ExplanationInputs,
  source: string,
  destination: string,
): { readonly version: IpVersion; readonly source: End; readonly destination: End } {
  const [from, to] = [candidateOf(source, inputs), candidateOf(destination, inputs)];
  const version = ([4, 6] as const).find((one) => [from, to].every((end) => hasVersion(end, one)));
  if (version === undefined) {
    throw new ApiError('INVALID', `${source} and ${destination} have no addresses of the same version of IP`);
  }
  return { version, source: endOf(from, version, inputs), destination: endOf(to, version, inputs) };
}

/** As the API shows it. */
export function reportedEnd(end: End, node: string): PacketEnd {
  const { query, address, endpoint, isHost, sets } = end;
  return {
    query,
    address: address ?? null,
    endpoint:
      endpoint === undefined
        ? null
        : {
            key: endpoint.key,
            kind: endpoint.kind,
            name: endpoint.name,
            node: endpoint.node ?? null,
            interface: endpoint.local?.interfaceName ?? null,
          },
    host: isHost,
    sets: sets.map(({ key }) => key.replace(' /', ' ')),
    words: endWords(end, node),
  };
}

function endWords({ query, address, endpoint, isHost }: End, node: string): string {
  if (address === undefined) return `interface ${query}, at which no workload is known`;
  const host = isHost ? `, ${node} itself` : '';
  if (endpoint === undefined) return isHost ? `${address}${host}` : `${address}, of no endpoint that is known`;
  const { kind, name, local } = endpoint;
  const what = kind === 'host' ? `HostEndpoint ${name}` : `workload ${name}`;
  const at = local?.interfaceName === undefined ? '' : ` at ${local.interfaceName}`;
  const where = local === undefined ? ` on ${endpoint.node ?? 'a node that is not known'}` : ` on this node${at}`;
  return `${address}${host}, ${what}${where}`;
}

function candidateOf(query: string, inputs: ExplanationInputs): Candidate {
  const parsed = tryParseAddress(query);
  if (parsed?.zone !== undefined)
    throw new ApiError('INVALID', `${query}: name a link-local address without its interface`);
  if (parsed !== undefined) return { query, addresses: [canonicalAddress(query)] };
  const { engine, interfaces } = inputs;
  const named = endpointsNamed(engine, query);
  // Of several for one interface the first by key counts.
  const [first, ...others] = named.filter(({ kind }) => kind !== 'set').sort((a, b) => compareText(a.key, b.key));
  if (first !== undefined) return namedCandidate(query, first, others, inputs);
  if (named.length > 0) throw new ApiError('INVALID', `${query} is a network set: name an address in it`);
  if (isWorkloadInterface(query, inputs)) return { query, addresses: undefined };
  const host = interfaces.find(({ name }) => name === query);
  if (host !== undefined) return { query, addresses: host.addresses };
  throw new ApiError(
    'NOT_FOUND',
    `there is no endpoint ${query}: name an address, NAMESPACE/POD, a HostEndpoint, or an interface of this node`,
  );
}

/** Workloads and hosts, and sets, with a name, key or interface. */
export function endpointsNamed(engine: PolicyEngine, text: string): readonly Endpoint[] {
  const found: Endpoint[] = [];
  for (const endpoint of engine.endpoints()) {
    const { key, name, kind, local } = endpoint;
    const isThere = kind === 'workload' && local?.interfaceName === text;
    if (name === text || key === text || isThere) found.push(endpoint);
  }
  return found;
}

function namedCandidate(
  query: string,
  endpoint: Endpoint,
  others: readonly Endpoint[],
  { interfaces }: ExplanationInputs,
): Candidate {
  const { kind, local } = endpoint;
  const ofInterface = interfaces.find(({ name }) => name === local?.interfaceName)?.addresses ?? [];
  const addresses = [...endpoint.addresses, ...(kind === 'host' ? ofInterface : [])];
  if (addresses.length === 0) throw new ApiError('CONFLICT', `${query} has no address: name one`);
  const also = others.map(({ key }) => `${query} is also ${key}, which is not looked at: name one of its addresses.`);
  return { query, addresses, endpoint, notes: also };
}

/** Whether the agent takes an interface of this name for that of a workload. */
function isWorkloadInterface(name: string, { engine }: ExplanationInputs): boolean {
  return engine.settings.interfacePrefixes.some((prefix) => name.startsWith(prefix)) && !name.includes('/');
}

function hasVersion({ addresses }: Candidate, version: IpVersion): boolean {
  return addresses === undefined || addresses.some((address) => versionOf(address) === version);
}

function versionOf(address: string): IpVersion {
  return address.includes(':') ? 6 : 4;
}

function endOf(candidate: Candidate, version: IpVersion, inputs: ExplanationInputs): End {
  const { query, addresses, notes = [] } = candidate;
  const address = addresses?.find((one) => versionOf(one) === version);
  if (address === undefined) return { query, address, endpoint: undefined, isHost: false, sets: [], notes };
  const { engine, interfaces } = inputs;
  const at = engine.endpointsAt(address);
  const workloads = at.filter(({ kind }) => kind === 'workload');
  const hosts = at.filter(({ kind }) => kind === 'host');
  const own = interfaces.find((one) => one.addresses.includes(address));
  // Where a workload is here, its interface says who it is; else what others have is as good.
  const workload = workloads.find(({ local }) => local !== undefined) ?? workloads.at(0);
  const host = own === undefined ? hosts.at(0) : hostEndpointAt(own.name, inputs);
  const endpoint = candidate.endpoint ?? workload ?? host;
  const isHost = endpoint?.kind !== 'workload' && (own !== undefined || endpoint?.local !== undefined);
  const rivals = workloads.filter((one) => one !== endpoint).map(({ key }) => key);
  return {
    query,
    address,
    endpoint,
    isHost,
    sets: at.filter(({ kind }) => kind === 'set'),
    notes: [...notes, ...(endpoint === undefined || rivals.length === 0 ? [] : [ambiguous(address, endpoint, rivals)])],
  };
}

function ambiguous(address: string, { key }: Endpoint, rivals: readonly string[]): string {
  return `${address} is ambiguous: ${rivals.join(', ')} has it, too; what is said here is about ${key}.`;
}

/** The HostEndpoint that counts at an interface of this node. */
function hostEndpointAt(name: string, { engine, interfaces }: ExplanationInputs): Endpoint | undefined {
  const owners = hostOwners(engine, interfaces);
  // What a host says to itself is no matter of the network.
  return owners?.get(name) ?? (name === 'lo' ? undefined : owners?.get('*'));
}

/** HostEndpoints of this node by the interface that they count at; undefined: there are none. */
export function hostOwners(
  engine: PolicyEngine,
  interfaces: readonly HostInterface[],
): ReadonlyMap<string, Endpoint> | undefined {
  const hosts = new HostInterfaces();
  for (const endpoint of engine.endpoints()) {
    if (endpoint.kind === 'host' && endpoint.local !== undefined) hosts.set(endpoint.key, endpoint);
  }
  hosts.setInterfaces(interfaces);
  return hosts.take();
}
