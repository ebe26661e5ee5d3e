/** The part of the kernel that the FIB talks to, as a function over netlink bytes: interfaces, next hops and routes. */
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_EXCL,
  NUD_FAILED,
  NUD_REACHABLE,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETNEXTHOP,
  RTM_GETROUTE,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTN_BLACKHOLE,
  RTN_UNICAST,
} from '../../src/fib/netlink/constants.ts';
import { AttributeReader, MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import type { NetlinkPort } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import { readNextHop } from '../../src/fib/netlink/nexthops.ts';
import type { GroupMember, NextHopObject } from '../../src/fib/netlink/nexthops.ts';
import { newRouteView, readRoute } from '../../src/fib/netlink/routes.ts';
import type { KernelNextHop, RouteView } from '../../src/fib/netlink/routes.ts';
import { formatAddress, parseAddress } from '../../src/net/address.ts';
import { formatPrefixWords, parsePrefix } from '../../src/net/prefix.ts';
import { writeLink, writeNeighbour, writeObject, writeRoute } from './fake-kernel-messages.ts';

const [EPERM, ENOENT, ESRCH, EAGAIN, EEXIST, EINVAL, EOPNOTSUPP] = [1, 2, 3, 11, 17, 22, 95];
const MAIN = 254;
const KERNEL_PROTOCOL = 2;

/** A route as tests write it down. */
export interface FakeRoute {
  readonly protocol: number;
  readonly metric?: number;
  readonly table?: number;
  /** Gateways with the index of their interface, e.g. `10.0.1.1%1`; none for a route that drops packets. */
  readonly via?: readonly string[];
  readonly nextHopId?: number;
}

/** A kernel in memory. What tests do to it is told by notifications, what is sent to it is not. */
export class FakeKernel implements NetlinkPort {
  readonly links = new Map<string, { index: number; up: boolean }>();
  readonly objects = new Map<number, NextHopObject>();
  /** Routes by `table prefix metric`. */
  readonly routes = new Map<string, RouteView>();
  /** Requests so far that changed a route or a group, by name. */
  readonly changes: string[] = [];
  /** What the kernel tells of its own accord. */
  notifications: Uint8Array[] = [];
  nextHopObjects = true;
  resilientGroups = true;
  /** Whether the program may change anything: CAP_NET_ADMIN. */
  privileged = true;
  /** How many of the next dumps are marked as inconsistent, and lack their last entry. */
  interruptedDumps = 0;
  /** How many of the next single next hops are refused. */
  refusals = 0;
  /** Called before each datagram is worked on; may throw what the socket would. */
  beforeSend: () => void = () => {};
  /** Called before each answer is read; may throw what the socket would. */
  beforeReceive: () => void = () => {};

  private readonly failedNeighbours = new Map<string, number>();
  private readonly answers: Uint8Array[] = [];
  private readonly attributes = new AttributeReader();

  /** Has an interface with this index, up, and networks on it. */
  addLink(name: string, index: number, ...networks: string[]): void {
    this.links.set(name, { index, up: true });
    for (const network of networks) this.connect(network, index);
  }

  /** Puts a network on an interface, or several. */
  connect(network: string, ...indices: number[]): void {
    this.setRoute(network, { protocol: KERNEL_PROTOCOL, metric: 0, via: indices.map((index) => `%${index}`) });
  }

  /** Forgets answers that nobody read, as happens with the socket of a program that ends. */
  forgetAnswers(): void {
    this.answers.length = 0;
  }

  send(bytes: Uint8Array, length: number): void {
    this.beforeSend();
    const reader = new MessageReader();
    reader.reset(bytes.slice(0, length), length);
    while (reader.next()) this.handle(reader);
  }

  receive(buffer: Uint8Array): number {
    this.beforeReceive();
    const next = this.answers.shift();
    if (next === undefined) throw new NetlinkError('read from the kernel', EAGAIN);
    buffer.set(next);
    return next.length;
  }

  /** Routes of a protocol in words: prefix, then the next hops. */
  table(protocol: number): string[] {
    return [...this.routes]
      .filter(([, route]) => route.protocol === protocol)
      .map(([key, route]) => `${key.split(' ')[1]} -> ${this.describe(route)}`)
      .toSorted();
  }

  /** Somebody else adds or replaces a route. */
  setRoute(prefix: string, { protocol, metric = 1024, table = MAIN, via = [], nextHopId = 0 }: FakeRoute): void {
    const { family, words, length } = parsePrefix(prefix);
    const [a0, a1, a2, a3] = words;
    const type = via.length === 0 && nextHopId === 0 ? RTN_BLACKHOLE : RTN_UNICAST;
    const route = { family, a0, a1, a2, a3, length, protocol, metric, table, type, nextHopId };
    const view = { ...newRouteView(), ...route, nextHops: via.map(parseHop) };
    const replace = this.routes.has(keyOf(view));
    this.routes.set(keyOf(view), view);
    this.notify((writer) => writeRoute(writer, view, RTM_NEWROUTE, replace));
  }

  /** Somebody else deletes a route. */
  dropRoute(prefix: string, metric = 1024): void {
    const key = `${MAIN} ${prefix} ${metric}`;
    const view = this.routes.get(key);
    if (!this.routes.delete(key) || view === undefined) return;
    this.notify((writer) => writeRoute(writer, view, RTM_DELROUTE, false));
  }

  /** Somebody else deletes an object. */
  dropObject(id: number): void {
    this.remove(id, true);
  }

  /** Somebody else makes a group of other members. */
  setGroup(id: number, members: readonly GroupMember[]): void {
    this.objects.set(id, { ...this.objects.get(id)!, members });
    this.notify((writer) => writeObject(writer, this.objects.get(id)!));
  }

  /** Takes an interface down as the kernel does: its next hops go without a word, groups without any, and their routes. */
  dropInterface(name: string): void {
    const link = this.links.get(name)!;
    link.up = false;
    for (const [key, { nextHops, nextHopId }] of this.routes) {
      if (nextHopId === 0 && nextHops.some((hop) => hop.interfaceIndex === link.index)) this.routes.delete(key);
    }
    for (const [id, { interfaceIndex, members }] of this.objects) {
      if (members === undefined && interfaceIndex === link.index) this.remove(id, false);
    }
    this.notify((writer) => writeLink(writer, name, link));
  }

  /** An interface loses its carrier and has it again at once, which costs it its next hops. */
  flapCarrier(name: string): void {
    const link = this.links.get(name)!;
    for (const [id, { interfaceIndex, members }] of this.objects) {
      if (members === undefined && interfaceIndex === link.index) this.remove(id, false);
    }
    this.notify((writer) => writeLink(writer, name, link, false));
    this.notify((writer) => writeLink(writer, name, link));
  }

  /** Brings an interface up again, with these networks. */
  raiseInterface(name: string, ...networks: string[]): void {
    const link = this.links.get(name)!;
    link.up = true;
    this.notify((writer) => writeLink(writer, name, link));
    for (const network of networks) this.connect(network, link.index);
  }

  /** A neighbour stops answering, or answers again. */
  setNeighbour(address: string, interfaceIndex: number, answers: boolean): void {
    if (answers) this.failedNeighbours.delete(address);
    else this.failedNeighbours.set(address, interfaceIndex);
    this.notify((writer) => writeNeighbour(writer, address, interfaceIndex, answers ? NUD_REACHABLE : NUD_FAILED));
  }

  /** Gives all notifications to a reader, or the first of them. */
  deliver(notified: (message: MessageReader) => void, count = this.notifications.length): void {
    const reader = new MessageReader();
    for (const bytes of this.notifications.splice(0, count)) {
      reader.reset(bytes, bytes.length);
      while (reader.next()) notified(reader);
    }
  }

  /** Members of a group in words. */
  group(id: number): string {
    return (this.objects.get(id)?.members ?? []).map((member) => this.describeMember(member)).join(' ');
  }

  private describe(route: RouteView): string {
    if (route.type === RTN_BLACKHOLE) return 'blackhole';
    if (route.nextHopId !== 0) return this.group(route.nextHopId);
    return route.nextHops.map((hop) => `${gatewayOf(hop)}*${hop.weight}`).join(' ');
  }

  private describeMember({ id, weight }: GroupMember): string {
    const member = this.objects.get(id);
    return member === undefined ? '?' : `${gatewayOf(member)}*${weight}`;
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
      case RTM_GETADDR:
        return this.dump(message, []);
      case RTM_GETNEIGH:
        return this.dump(
          message,
          [...this.failedNeighbours].map(
            ([address, index]) =>
              (writer: MessageWriter) =>
                writeNeighbour(writer, address, index, NUD_FAILED),
          ),
        );
      case RTM_GETNEXTHOP:
        if (!this.nextHopObjects) return this.acknowledge(message, EOPNOTSUPP);
        return this.dump(
          message,
          [...this.objects.values()].map((object) => (writer: MessageWriter) => writeObject(writer, object)),
        );
      case RTM_GETROUTE:
        return this.dumpRoutes(message);
      case RTM_NEWNEXTHOP:
        return this.acknowledge(message, ...this.newObject(message));
      case RTM_DELNEXTHOP:
        return this.acknowledge(message, this.remove(readNextHop(message, this.attributes).id, false) ? 0 : ENOENT);
      case RTM_NEWROUTE:
        return this.acknowledge(message, ...this.newRoute(message));
      case RTM_DELROUTE:
        return this.acknowledge(message, this.deleteRoute(message));
      case RTM_NEWNEIGH:
        return this.acknowledge(message, 0);
      default:
        return this.acknowledge(message, EOPNOTSUPP);
    }
  }

  private newObject(message: MessageReader): [number, string?] {
    const object = readNextHop(message, this.attributes);
    const { id, members, resilient, interfaceIndex } = object;
    const before = this.objects.get(id);
    if (members !== undefined) {
      if (resilient !== undefined && !this.resilientGroups) return [EINVAL, 'Invalid group type'];
      if (!members.every((member) => this.objects.has(member.id))) return [EINVAL, 'Invalid nexthop id'];
      if (new Set(members.map((member) => member.id)).size < members.length) return [EINVAL];
      const typeBefore = before?.members === undefined ? resilient : before.resilient;
      if ((typeBefore === undefined) !== (resilient === undefined)) return [EINVAL, 'Group type'];
      this.changes.push(`${before === undefined ? 'add' : 'replace'} group of ${members.length}`);
    } else if (![...this.links.values()].some(({ index, up }) => up && index === interfaceIndex)) {
      return [EINVAL, 'Invalid device index'];
    } else if (this.refusals > 0) {
      this.refusals--;
      return [EINVAL, 'Nexthop has invalid gateway'];
    }
    this.objects.set(id, object);
    return [0];
  }

  /** Deletes an object, takes it out of groups, and deletes the routes that have no next hop left. */
  private remove(id: number, tell: boolean): boolean {
    const object = this.objects.get(id);
    if (object === undefined) return false;
    this.objects.delete(id);
    for (const [key, route] of this.routes) if (route.nextHopId === id) this.routes.delete(key);
    if (tell) this.notify((writer) => writeObject(writer, object, RTM_DELNEXTHOP));
    for (const [groupId, group] of this.objects) {
      if (group.members?.some((member) => member.id === id) !== true) continue;
      const members = group.members.filter((member) => member.id !== id);
      if (members.length === 0) this.remove(groupId, tell);
      else if (tell) this.setGroup(groupId, members);
      else this.objects.set(groupId, { ...group, members });
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
    this.changes.push(`${exists ? 'replace' : 'add'} ${nameOf(view)}`);
    this.routes.set(key, view);
    return [0];
  }

  private deleteRoute(message: MessageReader): number {
    const view = newRouteView();
    readRoute(message, this.attributes, view);
    const key = keyOf(view);
    if (this.routes.get(key)?.protocol !== view.protocol) return ESRCH;
    this.changes.push(`delete ${nameOf(view)}`);
    this.routes.delete(key);
    return 0;
  }

  private dumpRoutes(message: MessageReader): void {
    const family = message.u8(0) === 2 ? 0 : 1;
    const [table, protocol] = [message.u8(4), message.u8(5)];
    const routes = [...this.routes.values()].filter(
      (route) =>
        route.family === family &&
        (table === 0 || table === route.table) &&
        (protocol === 0 || protocol === route.protocol),
    );
    this.dump(
      message,
      routes.map((route) => (writer: MessageWriter) => writeRoute(writer, route, RTM_NEWROUTE, false)),
    );
  }

  private dump(message: MessageReader, writers: readonly ((writer: MessageWriter) => void)[]): void {
    const interrupted = this.interruptedDumps > 0;
    if (interrupted) this.interruptedDumps--;
    const flags = interrupted ? NLM_F_DUMP_INTR : 0;
    for (const write of interrupted ? writers.slice(0, -1) : writers) this.answer(message, write);
    this.answer(message, (writer) => {
      writer.begin(NLMSG_DONE, flags);
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

  private notify(write: (writer: MessageWriter) => void): void {
    const writer = new MessageWriter();
    write(writer);
    this.notifications.push(writer.bytes.slice(0, writer.length));
  }
}

function keyOf(view: RouteView): string {
  return `${view.table} ${nameOf(view)}`;
}

function nameOf({ family, a0, a1, a2, a3, length, metric }: RouteView): string {
  return `${formatPrefixWords(family, a0, a1, a2, a3, length)} ${metric}`;
}

function gatewayOf({ gateway, interfaceIndex }: Pick<KernelNextHop, 'gateway' | 'interfaceIndex'>): string {
  return gateway.length === 0 ? `%${interfaceIndex}` : formatAddress(gateway);
}

function parseHop(text: string): KernelNextHop {
  const [address, index] = text.split('%');
  const gateway = address === '' ? new Uint8Array(0) : parseAddress(address).bytes;
  return { gateway, interfaceIndex: Number(index), onlink: false, weight: 1 };
}
