/** Whether a packet is as a rule says, and if not, why. */
import { formatPrefix, parsePrefix, prefixContains } from '../net/prefix.ts';
import { protocolName } from '../net/protocols.ts';
import type { IcmpMatch, IpVersion, PortMatch, Rule, RuleEnd, SetSpec } from './rule.ts';

/** The first packet of a connection. Addresses in canonical text; protocols are IP protocol numbers. */
export interface Packet {
  readonly version: IpVersion;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Undefined: it has none, or it is not known; then no rule with ports matches. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** Asks sets of addresses and ports for members. */
export interface SetLookup {
  hasAddress(set: SetSpec, address: string): boolean;
  hasPort(set: SetSpec, address: string, protocol: number, port: number): boolean;
}

/** Why the rule does not match the packet, as part of a sentence; undefined where it does. */
export function mismatch(rule: Rule, packet: Packet, sets: SetLookup): string | undefined {
  if (!rule.families.includes(packet.version)) return `it is for IPv${rule.families.join(' and IPv')} only`;
  const { protocol, notProtocol } = rule;
  if (protocol !== undefined && protocol !== packet.protocol) return `the protocol is not ${protocolName(protocol)}`;
  if (notProtocol === packet.protocol) return `the protocol is ${protocolName(notProtocol)}`;
  return (
    icmpMismatch(rule, packet) ??
    endMismatch(rule.source, { name: 'source', address: packet.source, port: packet.sourcePort }, packet, sets) ??
    endMismatch(
      rule.destination,
      { name: 'destination', address: packet.destination, port: packet.destinationPort },
      packet,
      sets,
    )
  );
}

function icmpMismatch({ icmp, notIcmp }: Rule, packet: Packet): string | undefined {
  if (icmp !== undefined && !isIcmp(icmp, packet)) return `it is not ICMP ${icmpWords(icmp)}`;
  if (notIcmp !== undefined && isIcmp(notIcmp, packet)) return `it is ICMP ${icmpWords(notIcmp)}`;
  return undefined;
}

function isIcmp({ type, code }: IcmpMatch, { icmp }: Packet): boolean {
  if (icmp === undefined) return false;
  return (type === undefined || type === icmp.type) && (code === undefined || code === icmp.code);
}

function icmpWords({ type, code }: IcmpMatch): string {
  return `type ${type ?? 'any'}${code === undefined ? '' : ` code ${code}`}`;
}

interface PacketEnd {
  readonly name: 'source' | 'destination';
  readonly address: string;
  readonly port: number | undefined;
}

function endMismatch(rule: RuleEnd, end: PacketEnd, packet: Packet, sets: SetLookup): string | undefined {
  const { name, address } = end;
  if (rule.nets !== undefined && !within(rule.nets, address)) {
    return `the ${name} is not in ${rule.nets.map(formatPrefix).join(', ')}`;
  }
  if (rule.notNets !== undefined && within(rule.notNets, address)) {
    return `the ${name} is in ${rule.notNets.map(formatPrefix).join(', ')}`;
  }
  if (rule.in !== undefined && !sets.hasAddress(rule.in, address)) return `the ${name} is not ${setWords(rule.in)}`;
  if (rule.notIn !== undefined && sets.hasAddress(rule.notIn, address)) return `the ${name} is ${setWords(rule.notIn)}`;
  if (rule.ports !== undefined && !isPort(rule.ports, end, packet, sets)) {
    return `the ${name} port is not ${portWords(rule.ports)}`;
  }
  if (rule.notPorts !== undefined && isPort(rule.notPorts, end, packet, sets)) {
    return `the ${name} port is ${portWords(rule.notPorts)}`;
  }
  return undefined;
}

function within(nets: NonNullable<RuleEnd['nets']>, address: string): boolean {
  const single = parsePrefix(address);
  return nets.some((net) => prefixContains(net, single));
}

function isPort({ ranges, sets }: PortMatch, { address, port }: PacketEnd, packet: Packet, lookup: SetLookup): boolean {
  if (port === undefined) return false;
  if (ranges.some(([first, last]) => port >= first && port <= last)) return true;
  return sets.some((set) => lookup.hasPort(set, address, packet.protocol, port));
}

/** What a set holds, as part of a sentence: `an endpoint with app == "db"`. */
function setWords(set: SetSpec): string {
  switch (set.kind) {
    case 'addresses':
      return `an endpoint with ${set.selector}`;
    case 'ports':
      return `"${set.port}" of an endpoint with ${set.selector}`;
    case 'service':
    default:
      return `of Service ${set.namespace}/${set.name}`;
  }
}

function portWords({ ranges, sets }: PortMatch): string {
  const numbers = ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
  return [...numbers, ...sets.map(setWords)].join(', ');
}
