/** Finds the address of this node among those of its interfaces, as calico-node's autodetection does. */
import { isLinkLocal, parseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { AutodetectionMethod } from './autodetection-method.ts';

export interface HostInterface {
  readonly name: string;
  /** The kernel's number of it. */
  readonly index: number;
  readonly up: boolean;
  /** In the kernel's order. */
  readonly addresses: readonly HostAddress[];
}

export interface HostAddress {
  /** Canonical text, without zone. */
  readonly address: string;
  readonly family: Family;
  readonly prefixLength: number;
}

/** What there is to find an address in. */
export interface Surroundings {
  readonly interfaces: readonly HostInterface[];
  /** Addresses of type InternalIP that the Node says it has. */
  readonly internalAddresses: readonly string[];
  /** The address that the Node says it has: of several that the method could take, that one, so that a restart changes nothing. */
  readonly known?: string;
  /** Source address of packets to the destination of `can-reach`; absent where there is no route to it. */
  readonly sourceAddress?: string;
}

/** An address with the length of its subnet, `10.0.0.1/24`, or why there is none, as a clause. */
export type Detection =
  | { readonly found: true; readonly address: string }
  | { readonly found: false; readonly why: string };

/** Interfaces that workloads, tunnels and other agents have: their addresses are not the node's. */
const NOT_THE_NODES = [
  /^docker/,
  /^cbr/,
  /^dummy/,
  /^podman/,
  /^virbr/,
  /^lxcbr/,
  /^veth/,
  /^lo/,
  /^br-/,
  /^cali/,
  /^tunl/,
  /^flannel/,
  /^kube-ipvs/,
  /^cni/,
  /^vxlan\.calico/,
  /^vxlan-v6\.calico/,
  /^wireguard\.cali/,
  /^wg-v6\.cali/,
  /^nodelocaldns/,
];

/** The address of a family that the method finds. */
export function detectAddress(family: Family, method: AutodetectionMethod, around: Surroundings): Detection {
  if (method.kind === 'can-reach') return reaching(family, method.destination, around);
  if (method.kind === 'kubernetes-internal-ip') return internal(family, around);
  if (method.kind === 'cidr') {
    const within = (address: string) => method.prefixes.some((prefix) => prefixContains(prefix, parsePrefix(address)));
    return firstOf(family, around, 'no interface has one within these prefixes', () => true, within);
  }
  if (method.kind === 'interface') {
    const isWanted = ({ name }: HostInterface) => method.patterns.some((pattern) => pattern.test(name));
    return firstOf(family, around, 'no interface of such a name is up and has one', isWanted);
  }
  const skipped = [...NOT_THE_NODES, ...(method.kind === 'skip-interface' ? method.patterns : [])];
  const why = 'no interface that is up and counts has one';
  return firstOf(family, around, why, ({ name }) => !skipped.some((pattern) => pattern.test(name)));
}

/** The address with the length of its subnet, as an interface has it; undefined where none has it. */
export function completeAddress(address: string, interfaces: readonly HostInterface[]): string | undefined {
  for (const { addresses } of interfaces) {
    const found = addresses.find((one) => one.address === address);
    if (found !== undefined) return withLength(found);
  }
  return undefined;
}

function withLength({ address, prefixLength }: HostAddress): string {
  return `${address}/${prefixLength}`;
}

/** Of several interfaces the one that came last counts, as with calico-node. */
function firstOf(
  family: Family,
  { interfaces, known }: Surroundings,
  why: string,
  isWanted: (link: HostInterface) => boolean,
  isRight: (address: string) => boolean = () => true,
): Detection {
  const links = interfaces.filter((link) => link.up && isWanted(link)).toSorted((a, b) => b.index - a.index);
  const candidates = links.flatMap(({ addresses }) =>
    addresses.filter((one) => one.family === family && isGlobal(one) && isRight(one.address)),
  );
  const chosen = candidates.find(({ address }) => address === known) ?? candidates.at(0);
  return chosen === undefined ? { found: false, why } : { found: true, address: withLength(chosen) };
}

function reaching(family: Family, destination: string, { interfaces, sourceAddress }: Surroundings): Detection {
  if (sourceAddress === undefined || parseAddress(sourceAddress).family !== family) {
    return { found: false, why: `there is no route to ${destination}` };
  }
  const address = completeAddress(sourceAddress, interfaces);
  if (address !== undefined) return { found: true, address };
  return { found: false, why: `${sourceAddress}, from which ${destination} is reached, is on no interface` };
}

function internal(family: Family, { interfaces, internalAddresses }: Surroundings): Detection {
  const wanted = internalAddresses.find((address) => parseAddress(address).family === family);
  if (wanted === undefined) return { found: false, why: 'the Node has no address of type InternalIP' };
  const address = completeAddress(wanted, interfaces);
  if (address !== undefined) return { found: true, address };
  return { found: false, why: `${wanted}, InternalIP of the Node, is on no interface` };
}

const NOT_GLOBAL: readonly Prefix[] = [
  '0.0.0.0/32',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  'ff00::/8',
].map(parsePrefix);

function isGlobal({ address }: HostAddress): boolean {
  const prefix = parsePrefix(address);
  return !isLinkLocal(parseAddress(address).bytes) && !NOT_GLOBAL.some((outer) => prefixContains(outer, prefix));
}
