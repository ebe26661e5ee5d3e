/**
 * VXLAN devices (linux/if_link.h, RFC 7348), as synchronous calls.
 */
import { formatAddress } from '../../net/address.ts';
import {
  AF_UNSPEC,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_VXLAN_COLLECT_METADATA,
  IFLA_VXLAN_GBP,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LEARNING,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  SIZEOF_IFINFOMSG,
} from './constants.ts';
import { dumpAll } from './dump-all.ts';
import { formatMac } from './fdb.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** A VXLAN device. */
export interface VxlanLink {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: string;
  /** Text that somebody left on the interface (`ip link set ... alias`). */
  readonly alias: string;
  readonly vni: number;
  /** UDP port of the others. */
  readonly port: number;
  /** Canonical address that packets are sent from, empty where the kernel chooses. */
  readonly local: string;
  /** Interface that packets are sent on, 0 where routes say it. */
  readonly boundTo: number;
  /** Whether it learns MAC addresses from what arrives. */
  readonly learning: boolean;
  /** Whether packets carry a group policy, or what they need is taken from each packet's metadata. */
  readonly extended: boolean;
}

/** What a VXLAN device is made with and can't change later. */
export type VxlanParameters = Pick<VxlanLink, 'name' | 'vni' | 'port'> & { readonly local: Uint8Array };

/** What of a VXLAN device can change while it works. */
export interface VxlanSettings {
  readonly up?: true;
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  readonly alias?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads an `RTM_NEWLINK` or `RTM_DELLINK` message; undefined if it is about an interface of another kind. */
export function readVxlanLink(message: MessageReader, attributes: AttributeReader): VxlanLink | undefined {
  // Of a bridge's port there is news of the bridge's family as well.
  if (message.u8(0) !== AF_UNSPEC) return undefined;
  const link: Mutable<VxlanLink> = {
    index: message.i32(4),
    name: '',
    up: (message.u32(8) & IFF_UP) !== 0,
    mtu: 0,
    mac: '',
    alias: '',
    vni: 0,
    port: 0,
    local: '',
    boundTo: 0,
    learning: false,
    extended: false,
  };
  let isVxlan = false;
  attributes.reset(message, SIZEOF_IFINFOMSG);
  while (attributes.next()) {
    if (attributes.type === IFLA_IFNAME) link.name = attributes.text();
    if (attributes.type === IFLA_MTU) link.mtu = attributes.u32();
    if (attributes.type === IFLA_ADDRESS && attributes.length === 6) link.mac = formatMac(attributes.copy());
    if (attributes.type === IFLA_IFALIAS) link.alias = attributes.text();
    if (attributes.type === IFLA_LINKINFO) isVxlan = readLinkInfo(attributes, link);
  }
  return isVxlan ? link : undefined;
}

function readLinkInfo(info: AttributeReader, link: Mutable<VxlanLink>): boolean {
  const inner = new AttributeReader();
  const data = new AttributeReader();
  let isVxlan = false;
  info.enter(inner, 0, info.length);
  while (inner.next()) {
    if (inner.type === IFLA_INFO_KIND) isVxlan = inner.text() === 'vxlan';
    if (inner.type !== IFLA_INFO_DATA || !isVxlan) continue;
    inner.enter(data, 0, inner.length);
    while (data.next()) readVxlanAttribute(data, link);
  }
  return isVxlan;
}

function readVxlanAttribute(data: AttributeReader, link: Mutable<VxlanLink>): void {
  switch (data.type) {
    case IFLA_VXLAN_ID:
      link.vni = data.u32();
      break;
    case IFLA_VXLAN_PORT:
      link.port = (data.u8(0) << 8) | data.u8(1);
      break;
    case IFLA_VXLAN_LOCAL:
    case IFLA_VXLAN_LOCAL6:
      if (data.length === 4 || data.length === 16) link.local = formatAddress(data.copy());
      break;
    case IFLA_VXLAN_LINK:
      link.boundTo = data.u32();
      break;
    case IFLA_VXLAN_LEARNING:
      link.learning = data.u8(0) !== 0;
      break;
    case IFLA_VXLAN_COLLECT_METADATA:
      if (data.u8(0) !== 0) link.extended = true;
      break;
    case IFLA_VXLAN_GBP:
      // A flag: being there is its value.
      link.extended = true;
      break;
  }
}

/** All VXLAN devices of the namespace. Throws {@link NetlinkError}. */
export function listVxlanLinks(client: NetlinkClient): VxlanLink[] {
  const attributes = new AttributeReader();
  return dumpAll(client, 'list VXLAN devices', writeVxlanDump, (message) =>
    message.type === RTM_NEWLINK ? readVxlanLink(message, attributes) : undefined,
  );
}

function writeVxlanDump(writer: MessageWriter): void {
  writer.begin(RTM_GETLINK, NLM_F_DUMP);
  writer.ifinfomsg(0, 0, 0);
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  // The kernel filters by kind, but only if it knows the kind (net/core/rtnetlink.c).
  const info = writer.beginAttribute(IFLA_LINKINFO);
  writer.attributeString(IFLA_INFO_KIND, 'vxlan');
  writer.endAttribute(info);
  writer.end();
}

/**
 * Makes a VXLAN device that doesn't learn: it sends only to those that the forwarding database names. UDP checksums are
 * as the kernel has them, that is on. Throws {@link NetlinkError}.
 */
export function addVxlanLink(client: NetlinkClient, parameters: VxlanParameters): void {
  const { name, vni, port, local } = parameters;
  const writer = new MessageWriter(256);
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  writer.ifinfomsg(0, 0, 0);
  writer.attributeString(IFLA_IFNAME, name);
  const info = writer.beginAttribute(IFLA_LINKINFO);
  writer.attributeString(IFLA_INFO_KIND, 'vxlan');
  const data = writer.beginAttribute(IFLA_INFO_DATA);
  writer.attributeU32(IFLA_VXLAN_ID, vni);
  writer.attributeBytes(local.length === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local);
  writer.attributeBytes(IFLA_VXLAN_LEARNING, Uint8Array.of(0));
  writer.attributeBytes(IFLA_VXLAN_PORT, Uint8Array.of(port >> 8, port & 255));
  writer.endAttribute(data);
  writer.endAttribute(info);
  writer.end();
  client.request(writer, `add VXLAN device ${name}`);
}

/** Changes settings of a device. Throws {@link NetlinkError}. */
export function setVxlanLink(client: NetlinkClient, link: VxlanLink, settings: VxlanSettings): void {
  const writer = new MessageWriter(128);
  writer.begin(RTM_NEWLINK, 0);
  const flags = settings.up === true ? IFF_UP : 0;
  writer.ifinfomsg(link.index, flags, flags);
  const { mtu, mac, alias } = settings;
  if (mtu !== undefined) writer.attributeU32(IFLA_MTU, mtu);
  if (mac !== undefined) writer.attributeBytes(IFLA_ADDRESS, mac);
  if (alias !== undefined) writer.attributeString(IFLA_IFALIAS, alias);
  writer.end();
  client.request(writer, `change VXLAN device ${link.name}`);
}

/** Deletes a device. Throws {@link NetlinkError}. */
export function deleteVxlanLink(client: NetlinkClient, link: VxlanLink): void {
  const writer = new MessageWriter(64);
  writer.begin(RTM_DELLINK, 0);
  writer.ifinfomsg(link.index, 0, 0);
  writer.end();
  client.request(writer, `delete VXLAN device ${link.name}`);
}
