/** Who this node is, from its configuration, its interfaces and its Node: pure, a check at a time. */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parseInterfaceAddress } from '../resources/peer-address.ts';
import type { AutodetectionMethod } from './autodetection-method.ts';
import { completeAddress, detectAddress } from './detect-address.ts';
import type { HostInterface, Surroundings } from './detect-address.ts';
import { NO_ADDRESS, checkAddress } from './follow-address.ts';
import type { FollowedAddress } from './follow-address.ts';
import type { NodeOverlay } from './node-overlay.ts';

/** As the configuration has it. */
export interface OwnNodeSettings {
  readonly nodeName: string;
  /** calico-node's `IP`: empty, `none`, `autodetect`, or an address with or without the length of its subnet. */
  readonly ip: string;
  readonly ip6: string;
  /** By family. */
  readonly methods: readonly [AutodetectionMethod, AutodetectionMethod];
  readonly asNumber: number | undefined;
  /** Whether this daemon writes the Node. */
  readonly publishNode: boolean;
  /** Whether an address that another Node has is written all the same. */
  readonly disableNodeIpCheck: boolean;
}

/** What was seen of the machine at a check; by family where the method depends on it. */
export interface HostState {
  /** When that was, in milliseconds on a clock that doesn't jump. */
  readonly at: number;
  readonly interfaces: readonly HostInterface[];
  /** See {@link Surroundings.sourceAddress}. */
  readonly sourceAddresses: readonly [string | undefined, string | undefined];
}

/** What follows from all of it. */
export interface OwnNodeState {
  /** By family. */
  readonly addresses: readonly [FollowedAddress, FollowedAddress];
  /** What counts in place of what the Node says. */
  readonly overlay: NodeOverlay;
  /** Whether all addresses that are wanted are there. */
  readonly isComplete: boolean;
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
}

export const NO_STATE: OwnNodeState = {
  addresses: [NO_ADDRESS, NO_ADDRESS],
  overlay: {},
  isComplete: true,
  problems: [],
};

const FIELDS = ['ipv4Address', 'ipv6Address'] as const;
const NAMES = ['IPv4', 'IPv6'] as const;
const SETTINGS = ['ip', 'ip6'] as const;

/** Whether these settings say anything that the Node doesn't. */
export function concernsNode({ ip, ip6, asNumber, publishNode }: OwnNodeSettings): boolean {
  return publishNode || asNumber !== undefined || [ip, ip6].some((wanted) => wanted !== '' && wanted !== 'none');
}

/** Whether an address of the family is to be looked for; calico-node does for IPv4 where the Node has none, and writes it. */
function isDetected({ ip, ip6, publishNode }: OwnNodeSettings, family: Family, node: Node | undefined): boolean {
  if (family === IPV6_UNICAST) return ip6 === 'autodetect';
  return ip === 'autodetect' || (ip === '' && publishNode && node?.spec.bgp.ipv4Address === undefined);
}

/** Looks at everything anew. `node` is the Node as the datastore has it. */
export function checkOwnNode(
  before: OwnNodeState,
  settings: OwnNodeSettings,
  host: HostState,
  node: Node | undefined,
): OwnNodeState {
  const check = (family: Family): FollowedAddress =>
    isDetected(settings, family, node)
      ? checkAddress(before.addresses[family], host.at, host.interfaces, () =>
          detectAddress(family, settings.methods[family], surroundings(host, family, node)),
        )
      : NO_ADDRESS;
  return outcome([check(IPV4_UNICAST), check(IPV6_UNICAST)], before, settings, host, node);
}

/** Takes that the Node changed: an address that is known stays, one that is not is looked for again. */
export function takeNode(
  before: OwnNodeState,
  settings: OwnNodeSettings,
  host: HostState,
  node: Node | undefined,
): OwnNodeState {
  const { addresses } = checkOwnNode(before, settings, host, node);
  const kept = before.addresses.map((known, family) =>
    known.address !== undefined && isDetected(settings, family as Family, node) ? known : addresses[family],
  );
  return outcome([kept[IPV4_UNICAST], kept[IPV6_UNICAST]], before, settings, host, node);
}

function surroundings(
  { interfaces, sourceAddresses }: HostState,
  family: Family,
  node: Node | undefined,
): Surroundings {
  const { addresses = [] } = node?.spec ?? {};
  const internalAddresses = addresses.flatMap(({ address, type }) => {
    const parsed = type === 'InternalIP' ? parseInterfaceAddress(address) : undefined;
    return parsed === undefined ? [] : [parsed.address];
  });
  const sourceAddress = sourceAddresses[family];
  const known = node?.spec.bgp[FIELDS[family]];
  return {
    interfaces,
    internalAddresses,
    ...(known !== undefined && { known: withoutLength(known) }),
    ...(sourceAddress !== undefined && { sourceAddress }),
  };
}

function outcome(
  addresses: OwnNodeState['addresses'],
  before: OwnNodeState,
  settings: OwnNodeSettings,
  { interfaces }: HostState,
  node: Node | undefined,
): OwnNodeState {
  const [v4, v6] = addresses.map((followed, index) =>
    addressOf(index as Family, followed, settings, interfaces, {
      inUse: before.overlay[FIELDS[index]] ?? undefined,
      ofNode: node?.spec.bgp[FIELDS[index]],
    }),
  );
  const overlay: NodeOverlay = {
    ...(v4.value !== undefined && { ipv4Address: v4.value }),
    ...(v6.value !== undefined && { ipv6Address: v6.value }),
    ...(settings.asNumber !== undefined && { asNumber: settings.asNumber }),
  };
  const missing = [...v4.problems, ...v6.problems];
  const problems = [...missing, ...unknownToOthers(settings, overlay, node)];
  return { addresses, overlay, isComplete: missing.length === 0, problems };
}

/** Addresses of a family with the lengths of their subnets, as far as there are any. */
interface KnownAddresses {
  /** What counted until now in place of what the Node says. */
  readonly inUse: string | undefined;
  /** What the Node says. */
  readonly ofNode: string | undefined;
}

/** What counts as address of a family in place of what the Node says. */
function addressOf(
  family: Family,
  { address, lost, why }: FollowedAddress,
  settings: OwnNodeSettings,
  interfaces: readonly HostInterface[],
  known: KnownAddresses,
): { readonly value: string | null | undefined; readonly problems: readonly string[] } {
  const wanted = settings[SETTINGS[family]];
  if (isAddress(wanted)) return givenAddress(family, wanted, interfaces, known);
  if (address !== undefined) return { value: address, problems: [] };
  if (why === undefined) return { value: undefined, problems: [] };
  const { ofNode } = known;
  const gone = lost !== undefined && (ofNode === undefined || ofNode === lost);
  const stays = ofNode === undefined || gone ? '' : `; ${ofNode}, which the Node says, stays in force`;
  const method = settings.methods[family].kind;
  return {
    value: gone ? null : undefined,
    problems: [`No ${NAMES[family]} address was found for this node by ${method}: ${why}${stays}.`],
  };
}

function isAddress(wanted: string): boolean {
  return wanted !== '' && wanted !== 'none' && wanted !== 'autodetect';
}

/** A length that is written counts, as with calico-node; else that of the interface, or the one known from before. */
function givenAddress(
  family: Family,
  wanted: string,
  interfaces: readonly HostInterface[],
  { inUse, ofNode }: KnownAddresses,
) {
  const { address, prefixLength } = parseInterfaceAddress(wanted)!;
  const found = completeAddress(address, interfaces);
  const known = [inUse, ofNode].find((one) => one !== undefined && withoutLength(one) === address);
  const problems =
    found === undefined
      ? [`The address ${address}, which the setting ${SETTINGS[family]} gives this node, is on none of its interfaces.`]
      : [];
  const complete = found ?? known;
  return { value: wanted.includes('/') || complete === undefined ? `${address}/${prefixLength}` : complete, problems };
}

/** Others go by the Node. */
function unknownToOthers({ publishNode }: OwnNodeSettings, overlay: NodeOverlay, node: Node | undefined): string[] {
  if (publishNode || node === undefined) return [];
  return Object.entries(differences(overlay, node)).flatMap(([field, value]) => {
    const known = Object.entries(node.spec.bgp).find(([name]) => name === field)?.[1];
    if (known === undefined || value === null || value === undefined) return [];
    return [
      `This node uses ${field} ${value}, but its Node says ${String(known)}, which is what other nodes go by: correct one of them, or set publishNode.`,
    ];
  });
}

/** What of the overlay the Node does not have. */
export function differences(overlay: NodeOverlay, node: Node | undefined): NodeOverlay {
  const bgp = node?.spec.bgp;
  const { ipv4Address, ipv6Address, asNumber } = overlay;
  return {
    ...(ipv4Address !== undefined && ipv4Address !== (bgp?.ipv4Address ?? null) && { ipv4Address }),
    ...(ipv6Address !== undefined && ipv6Address !== (bgp?.ipv6Address ?? null) && { ipv6Address }),
    ...(asNumber !== undefined && asNumber !== bgp?.asNumber && { asNumber }),
  };
}

/** What is to be written to the Node, and what not, because another of `nodes` has the address: a sentence each. */
export function publication(
  settings: OwnNodeSettings,
  overlay: NodeOverlay,
  node: Node | undefined,
  nodes: readonly Node[],
): { readonly patch: NodeOverlay; readonly problems: readonly string[] } {
  if (!settings.publishNode) return { patch: {}, problems: [] };
  const wanted = differences(overlay, node);
  const { ipv4Address, ipv6Address, asNumber } = wanted;
  const conflicts = settings.disableNodeIpCheck
    ? []
    : FIELDS.map((field) => ({ field, other: holderOf(field, overlay[field], settings.nodeName, nodes) }));
  const taken = conflicts.filter(({ other }) => other !== undefined);
  const free = (field: (typeof FIELDS)[number]) => taken.every((conflict) => conflict.field !== field);
  return {
    patch: {
      ...(ipv4Address !== undefined && free('ipv4Address') && { ipv4Address }),
      ...(ipv6Address !== undefined && free('ipv6Address') && { ipv6Address }),
      ...(asNumber !== undefined && { asNumber }),
    },
    problems: taken.map(({ field, other }) => {
      const kept = field in wanted ? `, which is therefore not written to the Node "${settings.nodeName}"` : '';
      const escape = kept === '' ? '' : ', or set disableNodeIpCheck';
      return `Node "${other}" has the address ${withoutLength(overlay[field] ?? '')} of this node${kept}: delete or correct one of them${escape}.`;
    }),
  };
}

/** Name of another node with this address. */
function holderOf(
  field: (typeof FIELDS)[number],
  address: string | null | undefined,
  own: string,
  nodes: readonly Node[],
): string | undefined {
  if (address === null || address === undefined) return undefined;
  const wanted = withoutLength(address);
  return nodes.find(({ metadata, spec }) => metadata.name !== own && withoutLength(spec.bgp[field] ?? '') === wanted)
    ?.metadata.name;
}

function withoutLength(address: string): string {
  return address.split('/')[0];
}
