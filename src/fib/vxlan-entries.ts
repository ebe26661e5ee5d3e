/**
 * What a VXLAN device knows of its peers: neighbours (gateway to MAC address) and forwarding entries (MAC address to
 * underlay address), compared with the kernel's.
 */
import { tryParseAddress } from '../net/address.ts';
import { AF_BRIDGE } from './netlink/constants.ts';
import { listMacEntries, parseMac, writeDeleteMacEntry, writeNewMacEntry } from './netlink/fdb.ts';
import type { MacEntry } from './netlink/fdb.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';

/** How many entries go into one send(). */
const SLICE = 500;
const NOTHING: Uint8Array = new Uint8Array(0);

type Pair = Pick<MacEntry, 'address' | 'mac'>;

/** An entry that the kernel should have. */
export interface WantedEntry extends Pair {
  /** Name of the peer, for messages. */
  readonly node: string;
}

/** The permanent entries of one family on one device. */
export class VxlanEntries {
  private readonly family: number;
  /** By what tells entries apart: a neighbour's address, a forwarding entry's MAC address. */
  private readonly wanted = new Map<string, WantedEntry>();

  /** `family`: `AF_INET` or `AF_INET6` for neighbours, `AF_BRIDGE` for forwarding entries. */
  constructor(family: number, wanted: readonly WantedEntry[]) {
    this.family = family;
    for (const entry of wanted) this.wanted.set(this.keyOf(entry), entry);
  }

  /** Changes in the kernel what differs; returns what it refused. Throws {@link NetlinkError}. */
  sync(client: NetlinkClient, interfaceIndex: number): string[] {
    const present = listMacEntries(client, this.family, interfaceIndex).filter((entry) => entry.permanent);
    const right = new Set(present.filter((entry) => this.isWanted(entry)).map((entry) => this.keyOf(entry)));
    const missing = [...this.wanted.values()].filter((entry) => !right.has(this.keyOf(entry)));
    const stale = present.filter((entry) => !this.wanted.has(this.keyOf(entry)));
    const refused: string[] = [];
    this.execute(client, missing, writeNewMacEntry, interfaceIndex, (entry, error) => {
      refused.push(`${this.words(entry)} of node ${entry.node}: ${error.message}`);
    });
    this.execute(client, stale, writeDeleteMacEntry, interfaceIndex, (entry, error) => {
      if (error.errno !== 'ENOENT') refused.push(`stale ${this.words(entry)}: ${error.message}`);
    });
    return refused.length > 1 ? [`${refused[0]} (and ${refused.length - 1} more)`] : refused;
  }

  /** Whether a notification about an entry of the device says that something is to be done. */
  isOff(entry: MacEntry, deleted: boolean): boolean {
    if (!deleted && entry.permanent) return !this.isWanted(entry);
    // A neighbour that is deleted is told without its MAC address.
    return this.family === AF_BRIDGE ? this.isWanted(entry) : this.wanted.has(entry.address);
  }

  private isWanted(entry: Pair): boolean {
    const wanted = this.wanted.get(this.keyOf(entry));
    return wanted !== undefined && wanted.address === entry.address && wanted.mac === entry.mac;
  }

  private keyOf({ address, mac }: Pair): string {
    return this.family === AF_BRIDGE ? mac : address;
  }

  private words({ address, mac }: Pair): string {
    return this.family === AF_BRIDGE ? `forwarding entry ${mac} to ${address}` : `neighbour ${address} at ${mac}`;
  }

  private execute<T extends Pair>(
    client: NetlinkClient,
    entries: readonly T[],
    write: typeof writeNewMacEntry,
    interfaceIndex: number,
    onFailure: (entry: T, error: NetlinkError) => void,
  ): void {
    const writer = new MessageWriter();
    for (let start = 0; start < entries.length; start += SLICE) {
      const slice = entries.slice(start, start + SLICE);
      writer.clear();
      for (const { address, mac } of slice) {
        const bytes = tryParseAddress(address)?.bytes ?? NOTHING;
        write(writer, this.family, interfaceIndex, bytes, parseMac(mac) ?? NOTHING);
      }
      client.execute(writer, (index, errno, extAck) => {
        onFailure(slice[index], new NetlinkError('set it', errno, extAck));
      });
    }
  }
}
