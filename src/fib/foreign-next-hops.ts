/**
 * Next-hop objects of others (linux/nexthop.h) that foreign routes lead over: the routes themselves may name only the id.
 */
import { sameHops } from './hop-lists.ts';
import {
  NHA_BLACKHOLE,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_ID,
  NHA_OIF,
  NLM_F_DUMP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_ONLINK,
  SIZEOF_NHMSG,
} from './netlink/constants.ts';
import { dumpAll } from './netlink/dump-all.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import type { KernelNextHop } from './netlink/routes.ts';

/** An object: a group has members, a blackhole has neither members nor an interface. */
interface ForeignObject {
  readonly id: number;
  readonly hop: KernelNextHop | undefined;
  readonly members: readonly { readonly id: number; readonly weight: number }[];
}

/** Ids of the objects that are different now, and of those the ones that are gone. */
export interface ObjectChanges {
  readonly changed: readonly number[];
  readonly gone: readonly number[];
}

const NO_GATEWAY: Uint8Array = new Uint8Array(0);
const MAX_WEIGHT = 256;

/** The objects that are known, by id. */
export class ForeignNextHops {
  private readonly client: NetlinkClient;
  private readonly attributes = new AttributeReader();
  private objects = new Map<number, ForeignObject>();

  constructor(client: NetlinkClient) {
    this.client = client;
  }

  /**
   * Reads all objects; returns the ids of those that changed. Kernels without next-hop objects (before Linux 5.3) have none.
   * Throws {@link NetlinkError}.
   */
  refresh(): number[] {
    const before = this.objects;
    this.objects = new Map();
    for (const object of this.dump()) this.objects.set(object.id, object);
    const ids = new Set([...before.keys(), ...this.objects.keys()]);
    return [...ids].filter((id) => !sameObject(before.get(id), this.objects.get(id)));
  }

  /**
   * Takes in an `RTM_NEWNEXTHOP` or `RTM_DELNEXTHOP` message; a group that loses its last member goes as well.
   */
  notify(message: MessageReader): ObjectChanges {
    const object = readObject(message, this.attributes);
    if (message.type !== RTM_NEWNEXTHOP) return this.remove([object.id]);
    const same = sameObject(this.objects.get(object.id), object);
    this.objects.set(object.id, object);
    return { changed: same ? [] : [object.id, ...this.groupsOf(object.id)], gone: [] };
  }

  /**
   * Takes out what the kernel removes without a word when an interface goes down or loses its carrier
   * (net/ipv4/nexthop.c, nexthop_flush_dev).
   */
  dropInterface(index: number): ObjectChanges {
    const ids = [...this.objects.values()].filter(({ hop }) => hop?.interfaceIndex === index).map(({ id }) => id);
    return this.remove(ids);
  }

  /** Makes sure that an object is known that a route names; returns the ids of those that are new. Throws {@link NetlinkError}. */
  learn(id: number): number[] {
    if (this.objects.has(id)) return [];
    const writer = new MessageWriter(64);
    writer.begin(RTM_GETNEXTHOP, 0);
    writer.nhmsg(0, 0, 0);
    writer.attributeU32(NHA_ID, id);
    writer.end();
    try {
      this.client.get(writer, `look up next-hop object ${id}`, (answer) => {
        this.objects.set(id, readObject(answer, this.attributes));
      });
    } catch (error) {
      // Gone meanwhile: the route goes as well.
      if (!(error instanceof NetlinkError) || error.errno !== 'ENOENT') throw error;
      return [];
    }
    const members = this.objects.get(id)?.members ?? [];
    return [id, ...members.flatMap((member) => this.learn(member.id))];
  }

  /** Where packets go that a route gives to an object; none for a blackhole, and for an object that isn't there. */
  hopsOf(id: number): readonly KernelNextHop[] {
    const object = this.objects.get(id);
    if (object === undefined) return [];
    if (object.hop !== undefined) return [object.hop];
    return object.members.flatMap((member) => {
      const hop = this.objects.get(member.id)?.hop;
      return hop === undefined ? [] : [{ ...hop, weight: member.weight }];
    });
  }

  private remove(ids: readonly number[]): ObjectChanges {
    const gone = new Set(ids.filter((id) => this.objects.delete(id)));
    const changed = new Set(gone);
    for (const group of gone.size === 0 ? [] : [...this.objects.values()]) {
      const members = group.members.filter(({ id }) => !gone.has(id));
      if (members.length === group.members.length) continue;
      changed.add(group.id);
      if (members.length > 0) this.objects.set(group.id, { ...group, members });
      else if (this.objects.delete(group.id)) gone.add(group.id);
    }
    return { changed: [...changed], gone: [...gone] };
  }

  private groupsOf(id: number): number[] {
    return [...this.objects.values()]
      .filter(({ members }) => members.some((m) => m.id === id))
      .map((group) => group.id);
  }

  private dump(): ForeignObject[] {
    try {
      return dumpAll(
        this.client,
        'list next hops',
        (writer) => {
          writer.begin(RTM_GETNEXTHOP, NLM_F_DUMP);
          writer.nhmsg(0, 0, 0);
          writer.end();
        },
        (message) => (message.type === RTM_NEWNEXTHOP ? readObject(message, this.attributes) : undefined),
      );
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === 'ENOTSUP') return [];
      throw error;
    }
  }
}

function readObject(message: MessageReader, attributes: AttributeReader): ForeignObject {
  let id = 0;
  let interfaceIndex = 0;
  let gateway = NO_GATEWAY;
  let blackhole = false;
  const members: { id: number; weight: number }[] = [];
  attributes.reset(message, SIZEOF_NHMSG);
  while (attributes.next()) {
    if (attributes.type === NHA_ID) id = attributes.u32();
    if (attributes.type === NHA_OIF) interfaceIndex = attributes.u32();
    if (attributes.type === NHA_BLACKHOLE) blackhole = true;
    if (attributes.type === NHA_GATEWAY && (attributes.length === 4 || attributes.length === 16)) {
      gateway = attributes.copy();
    }
    if (attributes.type !== NHA_GROUP) continue;
    for (let offset = 0; offset + 8 <= attributes.length; offset += 8) {
      // `weight` and, since Linux 6.12, `weight_high`; both together are kept less one.
      const weight = (attributes.u8(offset + 4) | (attributes.u8(offset + 5) << 8)) + 1;
      members.push({ id: attributes.u32(offset), weight: Math.min(MAX_WEIGHT, weight) });
    }
  }
  const single = members.length === 0 && !blackhole && interfaceIndex !== 0;
  const onlink = (message.u32(4) & RTNH_F_ONLINK) !== 0;
  return { id, hop: single ? { gateway, interfaceIndex, onlink, weight: 1 } : undefined, members };
}

function sameObject(a: ForeignObject | undefined, b: ForeignObject | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameHops(listOf(a), listOf(b)) && JSON.stringify(a.members) === JSON.stringify(b.members);
}

function listOf({ hop }: ForeignObject): KernelNextHop[] {
  return hop === undefined ? [] : [hop];
}
