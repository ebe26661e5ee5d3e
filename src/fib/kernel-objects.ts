/**
 * Keeps the kernel's next-hop objects equal to the groups.
 */
import type { Group, Member, GroupTable } from './group-table.ts';
import { LAST_OBJECT_ID, isOurObjectId } from './group-table.ts';
import { RTM_NEWNEXTHOP } from './netlink/constants.ts';
import { AttributeReader } from './netlink/message-reader.ts';
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
import type { NextHopObject } from './netlink/nexthops.ts';
import type { RouteLookupResolver } from './route-lookup-resolver.ts';

/** How many groups are written, or objects deleted, at once. */
const SLICE = 100;

/** What became of the groups that were written. */
export interface GroupOutcome {
  /** Groups whose routes have to be looked at again, by index. */
  readonly changed: Group[];
  /** Of those, the ones whose routes carry the next hops themselves and must be written anew. */
  readonly rewritten: Group[];
  /** Groups that lack a next hop for a reason that is new. */
  readonly troubled: Group[];
}

/** Whether routes can be given this group. */
export function isUsable(group: Group): boolean {
  return group.written && group.members.length > 0;
}

/** Writes and reads next-hop objects. */
export class KernelObjects {
  /** Whether the kernel has next-hop objects (Linux 5.3); if not, routes carry their next hops themselves. */
  supported = true;

  private readonly client: NetlinkClient;
  private readonly groups: GroupTable;
  private readonly resolver: RouteLookupResolver;
  private readonly protocol: number;
  private readonly maxPaths: number;
  private readonly writer = new MessageWriter();
  private readonly attributes = new AttributeReader();
  /** Groups that have been written at least once, or tried to. */
  private readonly tried = new WeakSet<Group>();
  /** Ids of an earlier run's objects, groups first. */
  private leftovers: number[] = [];

  constructor(
    client: NetlinkClient,
    groups: GroupTable,
    resolver: RouteLookupResolver,
    options: { readonly protocol: number; readonly maxPaths: number },
  ) {
    this.client = client;
    this.groups = groups;
    this.resolver = resolver;
    this.protocol = options.protocol;
    this.maxPaths = options.maxPaths;
  }

  /**
   * Finds out what the kernel can do, and which objects an earlier run left.
   * Throws {@link NetlinkError}, also where this process may not change anything.
   */
  probe(): void {
    this.requirePermission();
    let objects: NextHopObject[];
    try {
      objects = this.dump();
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== 'ENOTSUP') throw error;
      this.supported = false;
      return;
    }
    const ours = objects.filter((object) => object.protocol === this.protocol && isOurObjectId(object.id));
    for (const { id } of ours) this.groups.taken.add(id);
    const isGroup = (object: NextHopObject) => (object.members === undefined ? 1 : 0);
    this.leftovers = ours.toSorted((a, b) => isGroup(a) - isGroup(b)).map(({ id }) => id);
  }

  /** Compares the kernel's objects with what was written, and has all groups resolved anew. */
  observe(): void {
    this.groups.resolveAll();
    if (!this.supported) return;
    const objects = new Map(this.dump().map((object) => [object.id, object]));
    for (const member of this.groups.allMembers()) member.written &&= objects.has(member.id);
    for (const group of this.groups.groups) {
      if (group !== undefined) group.written &&= holds(objects.get(group.objectId), group);
    }
  }

  /** Resolves and writes some of the pending groups. Throws {@link NetlinkError}. */
  writePending(): GroupOutcome {
    const slice: Group[] = [];
    for (const index of this.groups.pending) {
      if (slice.length === SLICE) break;
      this.groups.pending.delete(index);
      slice.push(this.groups.groups[index]!);
    }
    const before = slice.map((group) => ({ usable: isUsable(group), trouble: group.trouble }));
    const different = slice.map((group) =>
      this.groups.resolve(group, this.maxPaths, (hop) => this.resolver.resolve(hop)),
    );
    try {
      if (this.supported) this.write(slice);
      else for (const group of slice) group.written = true;
    } catch (error) {
      for (const group of slice) this.groups.pending.add(group.index);
      throw error;
    }
    const outcome: GroupOutcome = { changed: [], rewritten: [], troubled: [] };
    for (const [i, group] of slice.entries()) {
      if (group.trouble !== undefined && group.trouble !== before[i].trouble) outcome.troubled.push(group);
      // A group that is new has no route yet that isn't queued anyway.
      const isNew = !this.tried.has(group);
      this.tried.add(group);
      if (isNew) continue;
      if (!before[i].usable || !isUsable(group)) outcome.changed.push(group);
      if (!this.supported && different[i]) outcome.rewritten.push(group);
    }
    return outcome;
  }

  /** Whether there are objects to delete: unused ones, and with `leftovers` those of an earlier run. */
  hasUnused(leftovers: boolean): boolean {
    return this.groups.hasIdle || (leftovers && this.leftovers.length > 0);
  }

  /** Deletes unused objects. Throws {@link NetlinkError}. */
  deleteUnused(leftovers: boolean): void {
    let ids = this.groups.takeIdle();
    if (leftovers) {
      ids = [...ids, ...this.leftovers];
      this.leftovers = [];
    }
    if (!this.supported) return;
    for (let i = 0; i < ids.length; i += SLICE) {
      this.writer.clear();
      for (const id of ids.slice(i, i + SLICE)) writeDeleteNextHop(this.writer, id);
      // The kernel may have dropped an object by itself when its link went down, and a group with its last member.
      this.client.execute(this.writer, () => {});
    }
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

  /** Members first, as a group can only be made of what exists. */
  private write(slice: readonly Group[]): void {
    const members = new Set(slice.flatMap((group) => group.members.map(({ member }) => member)));
    const refused = this.writeMembers([...members].filter((member) => !member.written));
    for (const group of slice) if (refused.size > 0) this.groups.dropMembers(group, refused);
    const groups = slice.filter((group) => !group.written && group.members.length > 0);
    this.writer.clear();
    for (const group of groups) {
      const entries = group.members.map(({ member, weight }) => ({ id: member.id, weight }));
      writeNewNextHopGroup(this.writer, group.objectId, this.protocol, entries);
      group.written = true;
    }
    this.client.execute(this.writer, (index, errno, extAck) => {
      const group = groups[index];
      group.written = false;
      group.trouble = new NetlinkError(`add a group of ${group.members.length} next hops`, errno, extAck).message;
    });
  }

  /** Writes members and returns those that the kernel refused, with its reason. */
  private writeMembers(members: readonly Member[]): Map<Member, string> {
    const refused = new Map<Member, string>();
    this.writer.clear();
    for (const { id, hop } of members) {
      writeNewNextHop(this.writer, id, this.protocol, hop.gateway, hop.interfaceIndex, hop.onlink);
    }
    this.client.execute(this.writer, (index, errno, extAck) => {
      refused.set(members[index], new NetlinkError(`add next hop ${members[index].key}`, errno, extAck).message);
    });
    for (const member of members) member.written = !refused.has(member);
    return refused;
  }

  private dump(): NextHopObject[] {
    for (;;) {
      const objects: NextHopObject[] = [];
      this.writer.clear();
      writeNextHopDump(this.writer);
      const consistent = this.client.dump(this.writer, 'list next hops', (message) => {
        if (message.type === RTM_NEWNEXTHOP) objects.push(readNextHop(message, this.attributes));
      });
      if (consistent) return objects;
    }
  }
}

/** Whether the kernel's object holds just the group's members. */
function holds(object: NextHopObject | undefined, group: Group): boolean {
  if (object?.members?.length !== group.members.length) return false;
  const weights = new Map(object.members.map(({ id, weight }) => [id, weight]));
  return group.members.every(({ member, weight }) => weights.get(member.id) === weight);
}
