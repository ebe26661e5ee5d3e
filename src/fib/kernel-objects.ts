/**
 * Writes groups of next hops to the kernel, and reads those of ours that it has.
 */
import type { GroupTable } from './group-table.ts';
import type { HopSet, HopSets, Member } from './hop-sets.ts';
import { RTM_DELNEXTHOP, RTM_NEWNEXTHOP } from './netlink/constants.ts';
import { untilConsistent } from './netlink/dump-all.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import {
  readNextHop,
  writeDeleteNextHop,
  writeNewNextHop,
  writeNewNextHopGroup,
  writeNextHopDump,
} from './netlink/nexthops.ts';
import type { NextHopObject, ResilientParameters } from './netlink/nexthops.ts';
import type { KernelGroup, ObjectTable } from './object-table.ts';
import { LAST_OBJECT_ID, isOurObjectId } from './object-table.ts';
import type { FibTrouble } from './worker-messages.ts';

/** How many groups are written, or objects deleted, at once. */
const SLICE = 100;

/** A group to be written: a new one for its set, or one that is to hold another. */
interface GroupWrite {
  readonly object?: KernelGroup | undefined;
  readonly set: HopSet;
}

/** What the kernel's objects are written with. */
export interface ObjectOptions {
  readonly protocol: number;
  readonly resilient: ResilientParameters | undefined;
}

/** What a notification says about our objects. */
export interface ObjectNews {
  /** Groups that hold something else than before. */
  readonly changed: KernelGroup[];
  /** Groups that are gone, and with them the routes that had them. */
  readonly gone: KernelGroup[];
  /** Whether only a dump can tell what the kernel has now. */
  unclear: boolean;
}

/** Writes and reads next-hop objects. */
export class KernelObjects {
  /** Messages that wrote a group, so far. */
  groupWrites = 0;
  /** Whether something was refused that should not have been if the kernel had what it is thought to have. */
  doubtful = false;

  private readonly client: NetlinkClient;
  private readonly table: ObjectTable;
  private readonly groups: GroupTable;
  private readonly sets: HopSets;
  private readonly options: ObjectOptions;
  private readonly report: (trouble: FibTrouble) => void;
  private readonly writer = new MessageWriter();
  private readonly attributes = new AttributeReader();
  /** Whether the kernel has taken a resilient group. */
  private resilientProven = false;
  /** Ids of objects that nothing will use: single next hops of which there is another, groups of others' next hops. */
  private readonly spare = new Set<number>();

  constructor(
    client: NetlinkClient,
    table: ObjectTable,
    groups: GroupTable,
    sets: HopSets,
    options: ObjectOptions,
    report: (trouble: FibTrouble) => void,
  ) {
    this.client = client;
    this.table = table;
    this.groups = groups;
    this.sets = sets;
    this.options = options;
    this.report = report;
    if (options.resilient !== undefined) groups.type = typeOf(options.resilient);
  }

  /** Finds out what the kernel can do. Throws {@link NetlinkError}, also where this process may not change anything. */
  probe(): void {
    this.requirePermission();
    try {
      this.observe();
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== 'ENOTSUP') throw error;
      this.table.supported = false;
      this.groups.type = '';
    }
  }

  /** Takes in what the kernel has. Returns whether a group holds something else than it was thought to. */
  observe(): boolean {
    if (!this.table.supported) return false;
    const { groups, members } = this.dump();
    this.doubtful = false;
    for (const member of this.sets.allMembers()) member.id = 0;
    this.table.memberById.clear();
    this.spare.clear();
    for (const object of members) this.observeMember(object);
    this.keepUsed(groups);
    const seen = new Set<number>();
    let changed = false;
    for (const object of groups) {
      seen.add(object.id);
      changed = this.observeGroup(object) || changed;
    }
    for (const group of this.table.byId.values()) {
      if (seen.has(group.id)) continue;
      this.table.remove(group);
      changed = true;
    }
    return changed;
  }

  /** Takes in one group as the kernel has it. Returns whether it was thought to be different. */
  observeGroup(object: NextHopObject): boolean {
    const set = this.setOf(object);
    const known = this.table.byId.get(object.id);
    if (set === undefined) {
      // Of next hops that are not ours: whoever made it such, it is not used any more.
      if (known !== undefined) this.table.remove(known);
      this.spare.add(object.id);
      return known !== undefined;
    }
    if (known === undefined) {
      this.table.add(object.id, set);
      return false;
    }
    if (known.set === set) return false;
    this.table.change(known, set);
    return true;
  }

  /** Takes in one single next hop as the kernel has it. Returns whether it was thought to be another. */
  observeMember(object: NextHopObject): boolean {
    const { gateway, interfaceIndex, onlink } = object;
    const before = this.table.memberById.get(object.id);
    const member = this.sets.member({ gateway, interfaceIndex, onlink, weight: 1 });
    this.table.memberById.set(object.id, member);
    if (member.id === 0) member.id = object.id;
    else if (member.id !== object.id) this.spare.add(object.id);
    return before !== undefined && before !== member;
  }

  /** Of several objects for the same next hop those stay that groups have: without them the groups would lack it. */
  private keepUsed(groups: readonly NextHopObject[]): void {
    for (const { id } of groups.flatMap(({ members }) => members ?? [])) {
      const member = this.table.memberById.get(id);
      if (member === undefined || !this.spare.delete(id)) continue;
      this.spare.add(member.id);
      member.id = id;
    }
    for (const { id } of groups.flatMap(({ members }) => members ?? [])) this.spare.delete(id);
  }

  /** Takes in a notification about an object of ours. */
  notified(message: MessageReader): ObjectNews {
    const object = readNextHop(message, this.attributes);
    const news: ObjectNews = { changed: [], gone: [], unclear: false };
    if (!isOurObjectId(object.id)) return news;
    if (message.type === RTM_DELNEXTHOP) this.deleted(object.id, news);
    else if (!this.isOurs(object)) this.table.take(object.id);
    else if (object.members === undefined) news.unclear = this.observeMember(object);
    else if (this.setOf(object) === undefined) news.unclear = true;
    else if (this.observeGroup(object)) news.changed.push(this.table.byId.get(object.id)!);
    return news;
  }

  /**
   * Notes that an interface went down or lost its carrier: the kernel drops the next hops on it without a word
   * (net/ipv4/nexthop.c, nexthop_flush_dev).
   */
  linkLost(interfaceIndex: number): ObjectNews {
    const news: ObjectNews = { changed: [], gone: [], unclear: false };
    for (const [id, { hop }] of this.table.memberById) {
      if (hop.interfaceIndex === interfaceIndex) this.deleted(id, news);
    }
    return news;
  }

  /** An object is gone, and the kernel has taken it out of its groups, of which those without next hop are gone too. */
  private deleted(id: number, news: ObjectNews): void {
    this.table.giveBack(id);
    const group = this.table.byId.get(id);
    if (group !== undefined) {
      this.table.remove(group);
      news.gone.push(group);
    }
    const member = this.table.memberById.get(id);
    if (member === undefined) return;
    this.table.memberById.delete(id);
    if (member.id !== id) return;
    member.id = 0;
    for (const other of this.table.byId.values()) {
      const rest = other.set.members.filter((entry) => entry.member !== member);
      if (rest.length === other.set.members.length) continue;
      if (rest.length > 0) {
        const shares = new Map(rest.map((entry) => [entry.member, entry.weight]));
        this.table.change(other, this.sets.intern(other.set.type, shares));
        news.changed.push(other);
      } else {
        this.table.remove(other);
        news.gone.push(other);
      }
    }
  }

  /** Whether there are sets that groups resolve to and no group of the kernel holds. */
  missing(): HopSet[] {
    return this.sets.sets.filter(
      (set): set is HopSet =>
        set !== undefined &&
        set.groups > 0 &&
        set.members.length > 0 &&
        set.refused === undefined &&
        this.table.usable(set) === undefined,
    );
  }

  /**
   * Writes groups, their members first, as a group can only be made of what exists. Throws {@link NetlinkError}; what
   * the kernel has is then to be read anew.
   */
  write(writes: readonly GroupWrite[]): void {
    if (!this.table.supported) {
      for (const { set } of writes) this.table.inlineOf(set);
      return;
    }
    for (let i = 0; i < writes.length; i += SLICE) this.writeSlice(writes.slice(i, i + SLICE));
  }

  /** Deletes a group that routes may still have; the kernel drops them. Throws {@link NetlinkError}. */
  drop(group: KernelGroup): void {
    this.deleteIds([group.id]);
    this.table.remove(group);
  }

  /** Deletes the objects that nothing uses, and forgets the groups and sets that nothing has. Throws {@link NetlinkError}. */
  deleteUnused(): void {
    this.groups.collect();
    const groups = this.table.unused();
    const ids = groups.map(({ id }) => id);
    for (const group of groups) this.table.remove(group);
    this.table.collect();
    for (const member of this.sets.collect()) {
      if (member.id === 0) continue;
      ids.push(member.id);
      this.table.memberById.delete(member.id);
    }
    for (const id of this.spare) {
      ids.push(id);
      this.table.memberById.delete(id);
    }
    this.spare.clear();
    if (this.table.supported) this.deleteIds(ids);
  }

  /** Whether an object is one of ours, if perhaps changed by somebody else. */
  private isOurs({ id, protocol }: NextHopObject): boolean {
    return protocol === this.options.protocol || this.table.byId.has(id) || this.table.memberById.has(id);
  }

  /** The set of a group's members; undefined if they are not all ours. */
  private setOf({ members, resilient }: NextHopObject): HopSet | undefined {
    const shares = new Map<Member, number>();
    for (const { id, weight } of members ?? []) {
      const member = this.table.memberById.get(id);
      if (member === undefined) return undefined;
      shares.set(member, (shares.get(member) ?? 0) + weight);
    }
    return shares.size === 0 ? undefined : this.sets.intern(resilient === undefined ? '' : typeOf(resilient), shares);
  }

  private writeSlice(slice: readonly GroupWrite[]): void {
    const members = new Set(slice.flatMap(({ set }) => set.members.map(({ member }) => member)));
    const refused = this.writeMembers([...members].filter(({ id }) => id === 0));
    // Groups with a next hop that was refused are resolved again without it.
    if (refused.size > 0) this.groups.resolveRefused(refused);
    const writes = slice
      .filter(({ set }) => set.members.every(({ member }) => member.id !== 0))
      .map(({ object, set }) => ({ object, set, id: object?.id ?? this.table.allocateId(), refused: false }));
    this.writer.clear();
    for (const { id, set } of writes) {
      const entries = set.members.map(({ member, weight }) => ({ id: member.id, weight }));
      const resilient = set.type === '' ? undefined : this.options.resilient;
      writeNewNextHopGroup(this.writer, id, this.options.protocol, entries, resilient);
      this.table.take(id);
      this.groupWrites++;
    }
    this.client.execute(this.writer, (index, errno, extAck) => {
      writes[index].refused = true;
      if (writes[index].object === undefined) this.table.giveBack(writes[index].id);
      this.groupRefused(writes[index], errno, extAck);
    });
    for (const { object, set, id, refused: failed } of writes) {
      if (failed) continue;
      if (set.type !== '') this.resilientProven = true;
      if (object === undefined) this.table.add(id, set);
      else this.table.change(object, set);
    }
  }

  private groupRefused({ object, set }: GroupWrite, errno: number, extAck: string | undefined): void {
    const error = new NetlinkError(`write a group of ${set.members.length} next hops`, errno, extAck);
    if (set.type !== '' && !this.resilientProven && ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(error.errno)) {
      if (this.groups.type !== '') {
        const message = `the kernel refuses resilient groups of next hops, plain ones are used: ${error.message}`;
        this.report({ code: 'FIB_NEXT_HOP', message });
      }
      this.groups.type = '';
      this.groups.resolveAll();
      return;
    }
    // Members or the group itself may have been deleted by somebody else.
    this.doubtful = true;
    if (object === undefined) set.refused = error.message;
  }

  /** Writes members and returns those that the kernel refused. */
  private writeMembers(members: readonly Member[]): Set<Member> {
    const refused = new Set<Member>();
    const ids = members.map(() => this.table.allocateId());
    this.writer.clear();
    for (const [i, { hop }] of members.entries()) {
      this.table.take(ids[i]);
      writeNewNextHop(this.writer, ids[i], this.options.protocol, hop.gateway, hop.interfaceIndex, hop.onlink);
    }
    this.client.execute(this.writer, (index, errno, extAck) => {
      const member = members[index];
      member.refused = new NetlinkError(`add next hop ${member.key}`, errno, extAck).message;
      refused.add(member);
      this.table.giveBack(ids[index]);
    });
    for (const [i, member] of members.entries()) {
      if (refused.has(member)) continue;
      member.id = ids[i];
      this.table.memberById.set(member.id, member);
    }
    return refused;
  }

  private deleteIds(ids: readonly number[]): void {
    for (let i = 0; i < ids.length; i += SLICE) {
      this.writer.clear();
      for (const id of ids.slice(i, i + SLICE)) writeDeleteNextHop(this.writer, id);
      // The kernel may have dropped an object by itself when its link went down, and a group with its last member.
      this.client.execute(this.writer, () => {});
    }
    for (const id of ids) this.table.giveBack(id);
  }

  /** Deletes an object that does not exist: the kernel looks at permission first. */
  private requirePermission(): void {
    this.writer.clear();
    writeDeleteNextHop(this.writer, LAST_OBJECT_ID);
    try {
      this.client.request(this.writer, 'write routes');
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno === 'EPERM') throw error;
    }
  }

  /** The kernel's objects in our range: those of ours, single ones apart. */
  private dump(): { groups: NextHopObject[]; members: NextHopObject[] } {
    const groups: NextHopObject[] = [];
    const members: NextHopObject[] = [];
    untilConsistent(() => {
      groups.length = members.length = 0;
      this.writer.clear();
      writeNextHopDump(this.writer);
      return this.client.dump(this.writer, 'list next hops', (message) => {
        if (message.type !== RTM_NEWNEXTHOP) return;
        const object = readNextHop(message, this.attributes);
        if (!isOurObjectId(object.id)) return;
        this.table.take(object.id);
        if (this.isOurs(object)) (object.members === undefined ? members : groups).push(object);
      });
    });
    return { groups, members };
  }
}

/** See {@link HopSet.type}. */
function typeOf({ buckets, idleTimer, unbalancedTimer }: ResilientParameters): string {
  return `${buckets}/${idleTimer}/${unbalancedTimer}`;
}
