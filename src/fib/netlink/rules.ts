/**
 * Policy rules: which routing table a packet is looked up in (linux/fib_rules.h, ip-rule(8)).
 */
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { formatPrefix, prefixBytes, prefixFromBytes } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import {
  AF_INET,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_IIFNAME,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_TABLE,
  FR_ACT_TO_TBL,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  SIZEOF_FIB_RULE_HDR,
} from './constants.ts';
import { dumpAll } from './dump-all.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';
import { afOf } from './routes.ts';

/** A rule that sends packets to a table. */
export interface KernelRule {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  /** `RTPROT_*` of who made it. */
  readonly protocol: number;
  /** Source and destination; length 0 for any. */
  readonly from: Prefix;
  readonly to: Prefix;
  /** Empty for any. */
  readonly incomingInterface: string;
  /** The packet's mark, of which the bits in `fwmask` count. */
  readonly fwmark: number;
  readonly fwmask: number;
  /** Whether there is more to it than the rest says: other conditions, or another action. */
  readonly special: boolean;
}

// linux/fib_rules.h: what a rule may have besides.
const FIB_RULE_INVERT = 2;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_PAD = 18;
const KNOWN_ATTRIBUTES = [FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_PAD];

/** Reads an `RTM_NEWRULE` or `RTM_DELRULE` message. */
export function readRule(message: MessageReader, attributes: AttributeReader): KernelRule {
  const family = message.u8(0) === AF_INET ? IPV4_UNICAST : IPV6_UNICAST;
  let from = prefixFromBytes(family, new Uint8Array(0), 0);
  let to = from;
  let table = message.u8(4);
  let priority = 0;
  let protocol = 0;
  let incomingInterface = '';
  let fwmark = 0;
  let fwmask = 0;
  let special = message.u8(7) !== FR_ACT_TO_TBL || message.u8(3) !== 0 || (message.u32(8) & FIB_RULE_INVERT) !== 0;
  attributes.reset(message, SIZEOF_FIB_RULE_HDR);
  while (attributes.next()) {
    const { type } = attributes;
    if (type === FRA_DST) to = readPrefix(family, attributes, message.u8(1));
    else if (type === FRA_SRC) from = readPrefix(family, attributes, message.u8(2));
    else if (type === FRA_TABLE) table = attributes.u32();
    else if (type === FRA_PRIORITY) priority = attributes.u32();
    else if (type === FRA_PROTOCOL) protocol = attributes.u8(0);
    else if (type === FRA_IIFNAME) incomingInterface = attributes.text();
    else if (type === FRA_FWMARK) fwmark = attributes.u32();
    else if (type === FRA_FWMASK) fwmask = attributes.u32();
    // The kernel always tells this one; all ones say that it isn't used.
    else if (type === FRA_SUPPRESS_PREFIXLEN) special ||= attributes.u32() !== 0xffffffff;
    else if (!KNOWN_ATTRIBUTES.includes(type)) special = true;
  }
  return { family, priority, table, protocol, from, to, incomingInterface, fwmark, fwmask, special };
}

function readPrefix(family: Family, attributes: AttributeReader, length: number): Prefix {
  const bytes = new Uint8Array(family === IPV4_UNICAST ? 4 : 16);
  bytes.set(attributes.copy().subarray(0, bytes.length));
  return prefixFromBytes(family, bytes, Math.min(length, 8 * bytes.length));
}

/** All rules of one family. Throws {@link NetlinkError}. */
export function listRules(client: NetlinkClient, family: Family): KernelRule[] {
  const attributes = new AttributeReader();
  return dumpAll(
    client,
    'list rules',
    (writer) => {
      writer.begin(RTM_GETRULE, NLM_F_DUMP);
      writer.fibRuleHdr(afOf(family), 0, 0, 0, 0);
      writer.end();
    },
    (message) => (message.type === RTM_NEWRULE ? readRule(message, attributes) : undefined),
  );
}

/** Adds a rule; {@link KernelRule.special} doesn't count. Throws {@link NetlinkError}. */
export function addRule(client: NetlinkClient, rule: KernelRule): void {
  const writer = new MessageWriter(128);
  writer.begin(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  writeRule(writer, rule);
  client.request(writer, `add ${formatRule(rule)}`);
}

/**
 * Deletes the first rule that has all that `rule` names. What `rule` leaves open the kernel doesn't compare, so this may
 * be another rule of the same priority, table and protocol. Throws {@link NetlinkError}.
 */
export function deleteRule(client: NetlinkClient, rule: KernelRule): void {
  const writer = new MessageWriter(128);
  writer.begin(RTM_DELRULE, 0);
  writeRule(writer, rule);
  client.request(writer, `delete ${formatRule(rule)}`);
}

/** Writes the rest of a message that adds or deletes a rule. */
export function writeRule(writer: MessageWriter, rule: KernelRule): void {
  const { family, from, to, table } = rule;
  writer.fibRuleHdr(afOf(family), to.length, from.length, table > 255 ? 0 : table, FR_ACT_TO_TBL);
  writer.attributeU32(FRA_PRIORITY, rule.priority);
  writer.attributeU32(FRA_TABLE, table);
  writer.attributeBytes(FRA_PROTOCOL, Uint8Array.of(rule.protocol));
  if (to.length > 0) writer.attributeBytes(FRA_DST, prefixBytes(family, ...to.words));
  if (from.length > 0) writer.attributeBytes(FRA_SRC, prefixBytes(family, ...from.words));
  if (rule.incomingInterface !== '') writer.attributeString(FRA_IIFNAME, rule.incomingInterface);
  if (rule.fwmask !== 0) {
    writer.attributeU32(FRA_FWMARK, rule.fwmark);
    writer.attributeU32(FRA_FWMASK, rule.fwmask);
  }
  writer.end();
}

/** A rule in words, as ip-rule(8) has them; also tells two rules of one table apart. */
export function formatRule(rule: KernelRule): string {
  const { family, priority, from, to, incomingInterface, fwmark, fwmask, table } = rule;
  const words = [family === IPV4_UNICAST ? 'IPv4 rule' : 'IPv6 rule', `${priority}:`];
  words.push('from', from.length === 0 ? 'all' : formatPrefix(from));
  if (to.length > 0) words.push('to', formatPrefix(to));
  if (fwmask !== 0) words.push('fwmark', `0x${fwmark.toString(16)}/0x${fwmask.toString(16)}`);
  if (incomingInterface !== '') words.push('iif', incomingInterface);
  words.push('lookup', String(table));
  return words.join(' ');
}
