/** The part of the kernel that the VXLAN dataplane talks to: `eth0` with 10.0.0.1/24, and one VXLAN device. */
import { readAddress } from '../../src/fib/netlink/addresses.ts';
import type { InterfaceAddress } from '../../src/fib/netlink/addresses.ts';
import {
  AF_BRIDGE,
  AF_INET,
  IFA_LOCAL,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LEARNING,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_PORT,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  SIZEOF_IFINFOMSG,
} from '../../src/fib/netlink/constants.ts';
import { formatMac, parseMac, readMacEntry, writeNewMacEntry } from '../../src/fib/netlink/fdb.ts';
import type { MacEntry } from '../../src/fib/netlink/fdb.ts';
import { AttributeReader, MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import type { NetlinkPort } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import { readVxlanLink } from '../../src/fib/netlink/vxlan.ts';
import type { VxlanLink } from '../../src/fib/netlink/vxlan.ts';
import { formatAddress, parseAddress } from '../../src/net/address.ts';

const EAGAIN = 11;
const ETH0 = 2;

/** A kernel in memory. */
export class FakeOverlay implements NetlinkPort {
  /** Index of the VXLAN device, or that which the next one gets. */
  index = 10;
  /** Changes that are refused, in the words of {@link takeChanges}, with the error number. */
  refusals: Readonly<Record<string, number>> = {};
  /** Protocols of the IPv4 routes over the VXLAN device. */
  routes: number[] = [];

  private link: VxlanLink | undefined;
  private readonly addresses = new Map<string, InterfaceAddress>([
    [
      '10.0.0.1/24',
      { interfaceIndex: ETH0, address: parseAddress('10.0.0.1').bytes, prefixLength: 24, duplicate: false },
    ],
  ]);
  private readonly entries = new Map<string, MacEntry>();
  private readonly attributes = new AttributeReader();
  private answers: Uint8Array[] = [];
  private changes: string[] = [];

  send(bytes: Uint8Array, length: number): void {
    this.answers = [];
    const reader = new MessageReader();
    reader.reset(bytes.slice(0, length), length);
    while (reader.next()) this.handle(reader);
  }

  receive(buffer: Uint8Array): number {
    const next = this.answers.shift();
    if (next === undefined) throw new NetlinkError('read from the kernel', EAGAIN);
    buffer.set(next);
    return next.length;
  }

  /** What was changed since the last call, in words. */
  takeChanges(): string[] {
    return this.changes.splice(0);
  }

  private handle(message: MessageReader): void {
    switch (message.type) {
      case RTM_GETLINK: {
        if ((message.flags & NLM_F_DUMP) === 0) return this.answer(message, writeEth0);
        const { link } = this;
        return this.dump(message, link === undefined ? [] : [(writer) => writeVxlan(writer, link)]);
      }
      case RTM_GETADDR:
        return this.dump(message, [...this.addresses.values()].map(addressWriter));
      case RTM_GETNEIGH: {
        const entries = [...this.entries.values()].filter(({ family }) => family === message.u8(0));
        return this.dump(message, entries.map(entryWriter));
      }
      case RTM_GETROUTE:
        return this.dump(message, message.u8(0) === AF_INET ? this.routes.map(routeWriter) : []);
      case RTM_NEWLINK:
        return (message.flags & NLM_F_CREATE) === 0 ? this.setLink(message) : this.addLink(message);
      case RTM_DELLINK:
        return this.change(message, `delete ${this.link?.name}`, () => this.removeLink());
      case RTM_NEWADDR:
      case RTM_DELADDR:
        return this.changeAddress(message);
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH:
        return this.changeEntry(message);
    }
  }

  private addLink(message: MessageReader): void {
    const link = readVxlanLink(message, this.attributes)!;
    this.change(message, `add ${link.name} vni ${link.vni} port ${link.port} local ${link.local}`, () => {
      this.link = { ...link, index: this.index, mtu: 1500, mac: '02:00:00:00:00:00' };
    });
  }

  private removeLink(): void {
    this.link = undefined;
    this.index++;
    this.entries.clear();
    for (const [key, { interfaceIndex }] of this.addresses) if (interfaceIndex !== ETH0) this.addresses.delete(key);
  }

  private setLink(message: MessageReader): void {
    const { attributes } = this;
    const words: string[] = [];
    let link = this.link!;
    const set = (name: string, value: number | string): void => {
      words.push(`set ${name} ${value}`);
      link = { ...link, [name]: value };
    };
    if ((message.u32(12) & IFF_UP) !== 0) {
      words.push('set up');
      link = { ...link, up: true };
    }
    attributes.reset(message, SIZEOF_IFINFOMSG);
    while (attributes.next()) {
      if (attributes.type === IFLA_MTU) set('mtu', attributes.u32());
      if (attributes.type === IFLA_ADDRESS) set('mac', formatMac(attributes.copy()));
      if (attributes.type === IFLA_IFALIAS) set('alias', attributes.text());
    }
    this.change(message, words.join(', '), () => (this.link = link));
  }

  private changeAddress(message: MessageReader): void {
    const address = readAddress(message, this.attributes)!;
    const key = `${formatAddress(address.address)}/${address.prefixLength}`;
    if (message.type === RTM_DELADDR) this.change(message, `delete address ${key}`, () => this.addresses.delete(key));
    else this.change(message, `add address ${key}`, () => this.addresses.set(key, address));
  }

  private changeEntry(message: MessageReader): void {
    const entry = readMacEntry(message, this.attributes);
    const bridge = entry.family === AF_BRIDGE;
    const key = bridge ? `bridge ${entry.mac}` : entry.address;
    const words = `${bridge ? 'bridge ' : ''}${entry.address} ${entry.mac}`.trim();
    if (message.type === RTM_DELNEIGH) this.change(message, `delete ${words}`, () => this.entries.delete(key));
    else this.change(message, `set ${words}`, () => this.entries.set(key, entry));
  }

  private change(message: MessageReader, words: string, apply: () => void): void {
    const errno = this.refusals[words] ?? 0;
    if (errno === 0) {
      this.changes.push(words);
      apply();
    }
    if (errno === 0 && (message.flags & NLM_F_ACK) === 0) return;
    this.answer(message, (writer) => {
      writer.begin(NLMSG_ERROR, 0);
      writer.ifinfomsg(0, 0, 0);
      new DataView(writer.bytes.buffer).setInt32(writer.length - SIZEOF_IFINFOMSG, -errno, true);
      writer.end();
    });
  }

  private dump(message: MessageReader, writers: readonly ((writer: MessageWriter) => void)[]): void {
    for (const write of writers) this.answer(message, write);
    this.answer(message, (writer) => {
      writer.begin(NLMSG_DONE, 0);
      writer.ifaddrmsg(0, 0, 0, 0);
      writer.end();
    });
  }

  private answer(message: MessageReader, write: (writer: MessageWriter) => void): void {
    const writer = new MessageWriter();
    writer.sequence = message.sequence - 1;
    write(writer);
    this.answers.push(writer.bytes.slice(0, writer.length));
  }
}

function writeEth0(writer: MessageWriter): void {
  writer.begin(RTM_NEWLINK, 0);
  writer.ifinfomsg(ETH0, IFF_UP, 0);
  writer.attributeString(IFLA_IFNAME, 'eth0');
  writer.attributeU32(IFLA_MTU, 1500);
  writer.end();
}

function writeVxlan(writer: MessageWriter, link: VxlanLink): void {
  writer.begin(RTM_NEWLINK, 0);
  writer.ifinfomsg(link.index, link.up ? IFF_UP : 0, 0);
  writer.attributeString(IFLA_IFNAME, link.name);
  writer.attributeU32(IFLA_MTU, link.mtu);
  writer.attributeBytes(IFLA_ADDRESS, parseMac(link.mac)!);
  if (link.alias !== '') writer.attributeString(IFLA_IFALIAS, link.alias);
  const info = writer.beginAttribute(IFLA_LINKINFO);
  writer.attributeString(IFLA_INFO_KIND, 'vxlan');
  const data = writer.beginAttribute(IFLA_INFO_DATA);
  writer.attributeU32(IFLA_VXLAN_ID, link.vni);
  writer.attributeBytes(IFLA_VXLAN_LOCAL, parseAddress(link.local).bytes);
  writer.attributeBytes(IFLA_VXLAN_LEARNING, Uint8Array.of(0));
  writer.attributeBytes(IFLA_VXLAN_PORT, Uint8Array.of(link.port >> 8, link.port & 255));
  writer.endAttribute(data);
  writer.endAttribute(info);
  writer.end();
}

function routeWriter(protocol: number): (writer: MessageWriter) => void {
  return (writer) => {
    writer.begin(RTM_NEWROUTE, 0);
    writer.rtmsg(AF_INET, 24, 254, protocol, 1);
    writer.end();
  };
}

function addressWriter({ interfaceIndex, address, prefixLength }: InterfaceAddress): (writer: MessageWriter) => void {
  return (writer) => {
    writer.begin(RTM_NEWADDR, 0);
    writer.ifaddrmsg(AF_INET, prefixLength, 0, interfaceIndex);
    writer.attributeBytes(IFA_LOCAL, address);
    writer.end();
  };
}

function entryWriter({ family, interfaceIndex, address, mac }: MacEntry): (writer: MessageWriter) => void {
  return (writer) => writeNewMacEntry(writer, family, interfaceIndex, parseAddress(address).bytes, parseMac(mac)!);
}
