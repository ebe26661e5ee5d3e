/**
 * One row an attribute: everything about its wire format, its RFC 7606 verdict and its words stands here.
 */
import { formatAddress, formatU32, parseAddress, parseU32, readU32 } from '../../../net/address.ts';
import { IPV4_UNICAST, SAFI_UNICAST, afiOf } from '../../../net/family.ts';
import type { Family } from '../../../net/family.ts';
import { checkAggregator } from './aggregator.ts';
import { checkAigp, readAigp, writeAigp } from './aigp.ts';
import * as code from './attribute-codes.ts';
import { checkAsPath, decodeAsPath, encodeAsPath, formatAsPath } from './as-path.ts';
import {
  DISCARD,
  DISCARD_INTERNAL,
  NOT_KEPT,
  WITHDRAW,
  WITHDRAW_INTERNAL,
  checkLength,
  listColumns,
  numberColumns,
} from './attribute-row.ts';
import type { AttributeRow } from './attribute-row.ts';
import type { Origin } from './attributes.ts';
import { formatCommunity } from './communities.ts';
import {
  formatExtendedCommunity,
  formatIpv6ExtendedCommunity,
  readExtendedCommunity,
  writeExtendedCommunity,
} from './extended-communities.ts';
import { formatLargeCommunity, readLargeCommunity, writeLargeCommunity } from './large-communities.ts';
import { checkNextHopAddress } from './next-hop.ts';

const WELL_KNOWN = code.FLAG_TRANSITIVE;
const OPTIONAL = code.FLAG_OPTIONAL;
const OPTIONAL_TRANSITIVE = code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE;

const ORIGINS: readonly Origin[] = ['igp', 'egp', 'incomplete'];

/** Every attribute the daemon understands, in the order in which it writes them. */
export const ATTRIBUTE_TABLE: readonly AttributeRow[] = [
  {
    code: code.MP_REACH_NLRI,
    name: 'MP_REACH_NLRI',
    flags: OPTIONAL,
    ...WITHDRAW,
    // RFC 4271 §6.3; where the NLRI can't be found, `parseUpdate` and `canonicalise` have refused the UPDATE.
    check: (bytes, start) => checkNextHopAddress(bytes, start + 4, bytes[start + 3]),
    decode: (bytes, start, _end, into) => {
      const length = bytes[start + 3];
      into.nextHop = formatAddress(bytes, start + 4, Math.min(length, 16));
      if (length === 32) into.linkLocalNextHop = formatAddress(bytes, start + 20, 16);
    },
    encode: ({ nextHop, linkLocalNextHop }, out, family) => {
      if (nextHop === undefined || !isMultiprotocol(nextHop, family)) return false;
      const addresses = linkLocalNextHop === undefined ? [nextHop] : [nextHop, linkLocalNextHop];
      out.u16(afiOf(family));
      out.u8(SAFI_UNICAST);
      const lengthAt = out.length;
      out.u8(0);
      for (const address of addresses) out.append(parseAddress(address).bytes);
      out.bytes[lengthAt] = out.length - lengthAt - 1;
      out.u8(0);
      return true;
    },
    // Told by NEXT_HOP, whichever of the two holds it.
    format: () => undefined,
  },
  {
    code: code.ORIGIN,
    name: 'ORIGIN',
    flags: WELL_KNOWN,
    ...WITHDRAW, // RFC 7606 §7.1
    check: (bytes, start, end) =>
      checkLength(end - start, 1) ?? (bytes[start] > 2 ? `value ${bytes[start]}` : undefined),
    decode: (bytes, start, _end, into) => {
      into.origin = ORIGINS[bytes[start]] ?? 'incomplete';
    },
    encode: ({ origin }, out) => {
      out.u8(ORIGINS.indexOf(origin));
      return true;
    },
    format: ({ origin }) => origin,
  },
  {
    code: code.AS_PATH,
    name: 'AS_PATH',
    flags: WELL_KNOWN,
    ...WITHDRAW, // RFC 7606 §7.2
    check: (bytes, start, end, { fourOctetAs, external }) =>
      checkAsPath(bytes, start, end, fourOctetAs ? 4 : 2, !external),
    decode: (bytes, start, end, into) => {
      into.asPath = decodeAsPath(bytes, start, end);
    },
    encode: ({ asPath }, out) => {
      encodeAsPath(asPath, out);
      return true;
    },
    format: ({ asPath }) => formatAsPath(asPath),
  },
  {
    code: code.NEXT_HOP,
    name: 'NEXT_HOP',
    flags: WELL_KNOWN,
    ...WITHDRAW, // RFC 7606 §7.3, RFC 4271 §6.3
    check: (bytes, start, end) => checkLength(end - start, 4) ?? checkNextHopAddress(bytes, start, 4),
    decode: (bytes, start, _end, into) => {
      into.nextHop ??= formatAddress(bytes, start, 4);
    },
    encode: ({ nextHop }, out, family) => {
      if (nextHop === undefined || isMultiprotocol(nextHop, family)) return false;
      out.append(parseAddress(nextHop).bytes);
      return true;
    },
    format: ({ nextHop, linkLocalNextHop }) =>
      linkLocalNextHop === undefined ? nextHop : `${nextHop} ${linkLocalNextHop}`,
  },
  {
    code: code.MULTI_EXIT_DISC,
    name: 'MULTI_EXIT_DISC',
    flags: OPTIONAL,
    ...WITHDRAW, // RFC 7606 §7.4
    ...numberColumns('med'),
  },
  {
    code: code.LOCAL_PREF,
    name: 'LOCAL_PREF',
    flags: WELL_KNOWN,
    ...WITHDRAW_INTERNAL, // RFC 7606 §7.5
    ...numberColumns('localPref'),
  },
  {
    code: code.ATOMIC_AGGREGATE,
    name: 'ATOMIC_AGGREGATE',
    flags: WELL_KNOWN,
    ...DISCARD, // RFC 7606 §7.6
    check: (_bytes, start, end) => checkLength(end - start, 0),
    decode: (_bytes, _start, _end, into) => {
      into.atomicAggregate = true;
    },
    encode: ({ atomicAggregate }) => atomicAggregate,
    format: ({ atomicAggregate }) => (atomicAggregate ? 'yes' : undefined),
  },
  {
    code: code.AGGREGATOR,
    name: 'AGGREGATOR',
    flags: OPTIONAL_TRANSITIVE,
    ...DISCARD, // RFC 7606 §7.7
    check: (bytes, start, end, { fourOctetAs }) => checkAggregator(bytes, start, end, fourOctetAs ? 4 : 2),
    decode: (bytes, start, _end, into) => {
      into.aggregator = { asn: readU32(bytes, start), routerId: formatAddress(bytes, start + 4, 4) };
    },
    encode: ({ aggregator }, out) => {
      if (aggregator === undefined) return false;
      out.u32(aggregator.asn);
      out.u32(parseU32(aggregator.routerId));
      return true;
    },
    format: ({ aggregator }) => aggregator && `AS ${aggregator.asn} ${aggregator.routerId}`,
  },
  {
    code: code.COMMUNITIES,
    name: 'COMMUNITIES',
    flags: OPTIONAL_TRANSITIVE,
    ...WITHDRAW, // RFC 7606 §7.8
    ...listColumns('communities', 4, readU32, (community, out) => out.u32(community), formatCommunity),
  },
  {
    code: code.ORIGINATOR_ID,
    name: 'ORIGINATOR_ID',
    flags: OPTIONAL,
    ...WITHDRAW_INTERNAL, // RFC 7606 §7.9
    check: (_bytes, start, end) => checkLength(end - start, 4),
    decode: (bytes, start, _end, into) => {
      into.originatorId = formatAddress(bytes, start, 4);
    },
    encode: ({ originatorId }, out) => {
      if (originatorId === undefined) return false;
      out.u32(parseU32(originatorId));
      return true;
    },
    format: ({ originatorId }) => originatorId,
  },
  {
    code: code.CLUSTER_LIST,
    name: 'CLUSTER_LIST',
    flags: OPTIONAL,
    ...WITHDRAW_INTERNAL, // RFC 7606 §7.10
    ...listColumns(
      'clusterList',
      4,
      (bytes, at) => formatU32(readU32(bytes, at)),
      (id, out) => out.u32(parseU32(id)),
      (id) => id,
    ),
  },
  {
    code: code.MP_UNREACH_NLRI,
    name: 'MP_UNREACH_NLRI',
    flags: OPTIONAL,
    ...WITHDRAW,
    check: () => undefined,
    ...NOT_KEPT,
  },
  {
    code: code.EXTENDED_COMMUNITIES,
    name: 'EXTENDED_COMMUNITIES',
    flags: OPTIONAL_TRANSITIVE,
    ...WITHDRAW, // RFC 7606 §7.14
    ...listColumns('extendedCommunities', 8, readExtendedCommunity, writeExtendedCommunity, formatExtendedCommunity),
  },
  {
    code: code.AS4_PATH,
    name: 'AS4_PATH',
    flags: OPTIONAL_TRANSITIVE,
    ...DISCARD, // RFC 6793 §6; confederation segments in it are left out, not an error
    check: (bytes, start, end) => (start === end ? 'it is empty' : checkAsPath(bytes, start, end, 4, true)),
    ...NOT_KEPT,
  },
  {
    code: code.AS4_AGGREGATOR,
    name: 'AS4_AGGREGATOR',
    flags: OPTIONAL_TRANSITIVE,
    ...DISCARD, // RFC 6793 §6
    check: (bytes, start, end) => checkAggregator(bytes, start, end, 4),
    ...NOT_KEPT,
  },
  {
    code: code.IPV6_EXTENDED_COMMUNITIES,
    name: 'IPV6_EXTENDED_COMMUNITIES',
    flags: OPTIONAL_TRANSITIVE,
    ...WITHDRAW, // RFC 7606 §7.15
    ...listColumns(
      'ipv6ExtendedCommunities',
      20,
      (bytes, at): Uint8Array => bytes.slice(at, at + 20),
      (community, out) => out.append(community),
      formatIpv6ExtendedCommunity,
    ),
  },
  {
    code: code.AIGP,
    name: 'AIGP',
    flags: OPTIONAL,
    ...DISCARD_INTERNAL, // RFC 7311 §3, §3.1: off for external peers unless configured
    check: checkAigp,
    decode: (bytes, start, end, into) => {
      const metric = readAigp(bytes, start, end);
      if (metric !== undefined) into.aigp = metric;
    },
    encode: ({ aigp }, out) => {
      if (aigp === undefined) return false;
      writeAigp(aigp, out);
      return true;
    },
    format: ({ aigp }) => aigp?.toString(),
  },
  {
    code: code.LARGE_COMMUNITY,
    name: 'LARGE_COMMUNITY',
    flags: OPTIONAL_TRANSITIVE,
    ...WITHDRAW, // RFC 8092 §6
    ...listColumns('largeCommunities', 12, readLargeCommunity, writeLargeCommunity, formatLargeCommunity),
  },
  {
    code: code.ONLY_TO_CUSTOMER,
    name: 'ONLY_TO_CUSTOMER',
    flags: OPTIONAL_TRANSITIVE,
    ...WITHDRAW, // RFC 9234 §5
    ...numberColumns('onlyToCustomer'),
  },
];

/** Whether the next hop of a route stands in MP_REACH_NLRI: all but IPv4 over IPv4 (RFC 4760, RFC 8950). */
function isMultiprotocol(nextHop: string, family: Family): boolean {
  return family !== IPV4_UNICAST || nextHop.includes(':');
}

/** Rows by code; undefined for an attribute the daemon doesn't understand. */
export const ATTRIBUTE_BY_CODE: readonly (AttributeRow | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  ATTRIBUTE_TABLE.find((row) => row.code === code),
);
