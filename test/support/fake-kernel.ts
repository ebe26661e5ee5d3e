/** The part of the kernel that the FIB talks to, as a function over netlink bytes: interfaces, next hops and routes. */
import { formatAddress } from '../../src/net/address.ts';
import { formatPrefixWords } from '../../src/net/prefix.ts';
import {
  IFF_UP,
  IFLA_IFNAME,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_EXCL,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_GETNEXTHOP,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTN_UNICAST,
  SIZEOF_RTMSG,
} from '../../src/fib/netlink/constants.ts';
import { AttributeReader, MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import type { NetlinkPort } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import { readNextHop, writeNewNextHop, writeNewNextHopGroup } from '../../src/fib/netlink/nexthops.ts';
import type { GroupMember } from '../../src/fib/netlink/nexthops.ts';
import {
  beginNewRoute,
  endRouteToNextHopId,
  endRouteToNextHops,
  newRouteView,
  readRoute,
} from '../../src/fib/netlink/routes.ts';
import type { RouteView } from '../../src/fib/netlink/routes.ts';

const [EPERM, ENOENT, ESRCH, EAGAIN, EEXIST, EINVAL, EOPNOTSUPP, ENETUNREACH] = [1, 2, 3, 11, 17, 22, 95, 101];

/** A next-hop object: a group has members, a single one a gateway and an interface. */
interface FakeObject {
  readonly protocol: number;
  readonly members: readonly GroupMember[] | undefined;
  readonly gateway: string;
  readonly interfaceIndex: number;
}

/** How the kernel would send a packet to an address. */
interface FakeReach {
  readonly interfaceIndex: number;
  /** Whether another router is in between. */
  readonly viaRouter?: boolean;
}

/** A kernel in memory. */
export class FakeKernel implements NetlinkPort {
  /** Interfaces by name; those that are down as 0. */
  readonly links = new Map<string, number>();
  /** What gateways are reached how, by address. */
  readonly reach = new Map<string, FakeReach>();
  readonly objects = new Map<number, FakeObject>();
  /** Routes by `prefix metric`, and in one table only. */
  readonly routes = new Map<string, RouteView>();
  /** Requests so far that changed a route, by name. */
  readonly changes: string[] = [];
  nextHopObjects = true;
  /** Whether the program may change anything: CAP_NET_ADMIN. */
  privileged = true;
  /** Called before each datagram is worked on; may throw what the socket would. */
  beforeSend: () => void = () => {};

  private readonly answers: Uint8Array[] = [];
  private readonly attributes = new AttributeReader();

  send(bytes: Uint8Array, length: number): void {
    this.beforeSend();
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

  /** Routes of a protocol in words: prefix, then the next hops. */
  table(protocol: number): string[] {
    return [...this.routes]
      .filter(([, route]) => route.protocol === protocol)
      .map(([key, route]) => `${key.split(' ')[0]} -> ${this.describe(route)}`)
      .toSorted();
  }

  /** Takes an interface down as the kernel does: its next hops go, groups without any, and their routes. */
  dropInterface(name: string): void {
    const index = this.links.get(name)!;
    this.links.set(name, 0);
    for (const [address, reach] of this.reach) if (reach.interfaceIndex === index) this.reach.delete(address);
    for (const [id, object] of this.objects) if (object.interfaceIndex === index) this.remove(id);
  }

  private describe(route: RouteView): string {
    if (route.nextHopId === 0) {
      return route.nextHops.map((hop) => `${formatAddress(hop.gateway)}*${hop.weight}`).join(' ');
    }
    const members = this.objects.get(route.nextHopId)?.members ?? [];
    return members.map(({ id, weight }) => `${this.objects.get(id)?.gateway}*${weight}`).join(' ');
  }

  private handle(message: MessageReader): void {
    // Of each kind of message, that which only asks has the number 2 in its lowest bits (rtnetlink(7)).
    if (!this.privileged && (message.type & 3) !== 2) return this.acknowledge(message, EPERM);
    switch (message.type) {
      case RTM_GETLINK:
        return this.dump(
          message,
          [...this.links].map((link) => (writer: MessageWriter) => writeLink(writer, ...link)),
        );
      case RTM_GETNEXTHOP:
        return this.dumpObjects(message);
      case RTM_GETROUTE:
        return (message.flags & 0x300) === 0 ? this.lookUp(message) : this.dumpRoutes(message);
      case RTM_NEWNEXTHOP:
        return this.acknowledge(message, ...this.newObject(message));
      case RTM_DELNEXTHOP:
        return this.acknowledge(message, this.remove(readNextHop(message, this.attributes).id) ? 0 : ENOENT);
      case RTM_NEWROUTE:
        return this.acknowledge(message, ...this.newRoute(message));
      case RTM_DELROUTE:
        return this.acknowledge(message, this.deleteRoute(message));
      default:
        return this.acknowledge(message, EOPNOTSUPP);
    }
  }

  private newObject(message: MessageReader): [number, string?] {
    const { id, protocol, members } = readNextHop(message, this.attributes);
    if (members !== undefined) {
      const known = members.every((member) => this.objects.has(member.id));
      if (!known || new Set(members.map((member) => member.id)).size < members.length) return [EINVAL];
      this.objects.set(id, { protocol, members, gateway: '', interfaceIndex: 0 });
      return [0];
    }
    let gateway = '';
    let interfaceIndex = 0;
    this.attributes.reset(message, 8);
    while (this.attributes.next()) {
      if (this.attributes.type === 5) interfaceIndex = this.attributes.u32();
      if (this.attributes.type === 6) gateway = formatAddress(this.attributes.copy());
    }
    if (![...this.links.values()].includes(interfaceIndex)) return [EINVAL, 'Invalid device index'];
    this.objects.set(id, { protocol, members, gateway, interfaceIndex });
    return [0];
  }

  /** Deletes an object, takes it out of groups, and deletes the routes that have no next hop left. */
  private remove(id: number): boolean {
    if (!this.objects.delete(id)) return false;
    for (const [key, route] of this.routes) if (route.nextHopId === id) this.routes.delete(key);
    for (const [groupId, group] of this.objects) {
      if (group.members?.some((member) => member.id === id) !== true) continue;
      const members = group.members.filter((member) => member.id !== id);
      this.objects.set(groupId, { ...group, members });
      if (members.length === 0) this.remove(groupId);
    }
    return true;
  }

  private newRoute(message: MessageReader): [number, string?] {
    const view = newRouteView();
    readRoute(message, this.attributes, view);
    if (view.nextHopId !== 0 && !this.objects.has(view.nextHopId)) return [EINVAL, 'Nexthop id does not exist'];
    const key = keyOf(view);
    const exists = this.routes.has(key);
    if (exists && (message.flags & NLM_F_EXCL) !== 0) return [EEXIST];
    this.changes.push(`${exists ? 'replace' : 'add'} ${key}`);
    this.routes.set(key, view);
    return [0];
  }

  private deleteRoute(message: MessageReader): number {
    const view = newRouteView();
    readRoute(message, this.attributes, view);
    const key = keyOf(view);
    if (this.routes.get(key)?.protocol !== view.protocol) return ESRCH;
    this.changes.push(`delete ${key}`);
    this.routes.delete(key);
    return 0;
  }

  private lookUp(message: MessageReader): void {
    this.attributes.reset(message, SIZEOF_RTMSG);
    this.attributes.next();
    const address = this.attributes.copy();
    const reach = this.reach.get(formatAddress(address));
    if (reach === undefined) return this.acknowledge(message, ENETUNREACH);
    this.answer(message, (writer) => {
      writer.begin(RTM_NEWROUTE, 0);
      writer.rtmsg(message.u8(0), message.u8(1), 254, 2, RTN_UNICAST);
      writer.attributeBytes(RTA_DST, address);
      writer.attributeU32(RTA_OIF, reach.interfaceIndex);
      if (reach.viaRouter === true) writer.attributeBytes(RTA_GATEWAY, Uint8Array.of(1, 1, 1, 1));
      writer.end();
    });
  }

  private dumpObjects(message: MessageReader): void {
    if (!this.nextHopObjects) return this.acknowledge(message, EOPNOTSUPP);
    const writers = [...this.objects].map(([id, { protocol, members, interfaceIndex }]) => (writer: MessageWriter) => {
      if (members !== undefined) return writeNewNextHopGroup(writer, id, protocol, members);
      return writeNewNextHop(writer, id, protocol, new Uint8Array(0), interfaceIndex, false);
    });
    this.dump(message, writers);
  }

  private dumpRoutes(message: MessageReader): void {
    const routes = [...this.routes.values()].filter((route) => message.u8(0) === (route.family === 0 ? 2 : 10));
    const writers = routes.map((route) => (writer: MessageWriter) => {
      const { family, a0, a1, a2, a3, length } = route;
      beginNewRoute(writer, route, false, family, a0, a1, a2, a3, length);
      if (route.nextHopId !== 0) endRouteToNextHopId(writer, route.nextHopId);
      else endRouteToNextHops(writer, family, route.nextHops);
    });
    this.dump(message, writers);
  }

  private dump(message: MessageReader, writers: readonly ((writer: MessageWriter) => void)[]): void {
    for (const write of writers) this.answer(message, write);
    this.answer(message, (writer) => {
      writer.begin(NLMSG_DONE, 0);
      writer.ifaddrmsg(0, 0, 0, 0);
      writer.end();
    });
  }

  private acknowledge(message: MessageReader, errno: number, extAck?: string): void {
    if (errno === 0 && (message.flags & NLM_F_ACK) === 0) return;
    this.answer(message, (writer) => {
      writer.begin(NLMSG_ERROR, extAck === undefined ? 0x100 : 0x300);
      // The error number, and the header of the refused message.
      const at = writer.length;
      writer.rtmsg(0, 0, 0, 0, 0);
      writer.nhmsg(0, 0, 0);
      new DataView(writer.bytes.buffer).setInt32(at, -errno, true);
      new DataView(writer.bytes.buffer).setUint32(at + 4, 16, true);
      if (extAck !== undefined) writer.attributeString(1, extAck);
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

function keyOf({ family, a0, a1, a2, a3, length, metric }: RouteView): string {
  return `${formatPrefixWords(family, a0, a1, a2, a3, length)} ${metric}`;
}

function writeLink(writer: MessageWriter, name: string, index: number): void {
  writer.begin(RTM_NEWLINK, 0);
  writer.ifinfomsg(index, index === 0 ? 0 : IFF_UP, 0);
  writer.attributeString(IFLA_IFNAME, name);
  writer.end();
}
