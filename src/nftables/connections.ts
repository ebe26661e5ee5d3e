/**
 * Cuts connections that the kernel follows (conntrack, linux/netfilter/nfnetlink_conntrack.h): packets of a connection that is
 * known pass by the rules, so one of an address that got another owner would go on.
 */
import { setImmediate } from 'node:timers/promises';
import {
  AF_INET,
  AF_INET6,
  CTA_ID,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_REPLY,
  CTA_ZONE,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
  IPCTNL_MSG_CT_NEW,
  NETLINK_NETFILTER,
  NFNL_SUBSYS_CTNETLINK,
  NLA_F_NESTED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_DUMP,
  SIZEOF_NFGENMSG,
} from '../fib/netlink/constants.ts';
import { loadLibc } from '../fib/netlink/libc.ts';
import { AttributeReader, MessageReader } from '../fib/netlink/message-reader.ts';
import { MessageWriter } from '../fib/netlink/message-writer.ts';
import { NetlinkClient } from '../fib/netlink/netlink-client.ts';
import { NetlinkError, readFailure } from '../fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../fib/netlink/netlink-socket.ts';
import { parseAddress } from '../net/address.ts';

/** How long entries are read in one turn of the event loop, in milliseconds: there may be a million. */
const TURN = 5;

/**
 * Deletes what the kernel knows of connections from or to any of these addresses, as the client, the server, or what either was
 * translated to, in the network namespace of the calling thread. Returns how many there were. All entries of a family are read, once for all addresses, in
 * slices. Rejects with {@link NetlinkError}; it takes CAP_NET_ADMIN.
 */
export async function deleteConnections(addresses: readonly string[]): Promise<number> {
  const keys = new Set(addresses.map((address) => keyOf(parseAddress(address).bytes)));
  let deleted = 0;
  for (const [family, length] of FAMILIES) {
    const ofFamily = [...keys].filter((key) => key.length === 2 * length);
    if (ofFamily.length > 0) deleted += await deleteOfFamily(family, new Set(ofFamily));
  }
  return deleted;
}

/** With the length of an address in bytes. */
const FAMILIES = [
  [AF_INET, 4],
  [AF_INET6, 16],
] as const;

function keyOf(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, address.length).toString('hex');
}

async function deleteOfFamily(family: number, keys: ReadonlySet<string>): Promise<number> {
  const libc = loadLibc();
  const open = () => new NetlinkSocket(libc, [], { protocol: NETLINK_NETFILTER });
  using list = disposable(open());
  using commands = disposable(open());
  const client = new NetlinkClient(commands.socket);
  const table = new ConnectionTable(list.socket, family, keys);
  let deleted = 0;
  for (let more = true; more; await setImmediate()) {
    const until = performance.now() + TURN;
    do {
      more = table.read();
      let failed = 0;
      client.execute(table.deletions, (_index, errno) => {
        const error = new NetlinkError('delete a connection', errno);
        // Gone meanwhile.
        if (error.errno !== 'ENOENT') throw error;
        failed++;
      });
      deleted += table.found - failed;
    } while (more && performance.now() < until);
  }
  return deleted;
}

function disposable(socket: NetlinkSocket): Disposable & { readonly socket: NetlinkSocket } {
  return { socket, [Symbol.dispose]: () => socket.close() };
}

/** Entries of a family, read one datagram after another. */
class ConnectionTable {
  /** Messages that delete what was found in the last datagram. */
  readonly deletions = new MessageWriter();
  /** How many. */
  found = 0;
  private readonly socket: NetlinkSocket;
  private readonly family: number;
  private readonly keys: ReadonlySet<string>;
  private readonly buffer = Buffer.alloc(1 << 16);
  private readonly reader = new MessageReader();
  private readonly attributes = new AttributeReader();
  private readonly tuple = new AttributeReader();
  private readonly addresses = new AttributeReader();

  constructor(socket: NetlinkSocket, family: number, keys: ReadonlySet<string>) {
    this.socket = socket;
    this.family = family;
    this.keys = keys;
    const request = new MessageWriter(64);
    request.begin((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_DUMP);
    request.nfgenmsg(family);
    request.end();
    socket.send(request.bytes, request.length);
  }

  /** Reads on; returns whether there is more. Throws {@link NetlinkError}. */
  read(): boolean {
    const { reader, buffer } = this;
    this.deletions.clear();
    this.found = 0;
    reader.reset(buffer, this.socket.receive(buffer));
    while (reader.next()) {
      if (reader.type === NLMSG_DONE || reader.type === NLMSG_ERROR) {
        const { errno, extAck } = readFailure(reader);
        if (errno !== 0) throw new NetlinkError('list connections', errno, extAck);
        return false;
      }
      if (reader.type === ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW) && this.isWanted()) this.writeDeletion();
    }
    return true;
  }

  private isWanted(): boolean {
    const { attributes, tuple, addresses } = this;
    attributes.reset(this.reader, SIZEOF_NFGENMSG);
    while (attributes.next()) {
      if (attributes.type !== CTA_TUPLE_ORIG && attributes.type !== CTA_TUPLE_REPLY) continue;
      attributes.enter(tuple, 0, attributes.length);
      while (tuple.next()) {
        if (tuple.type !== CTA_TUPLE_IP) continue;
        tuple.enter(addresses, 0, tuple.length);
        while (addresses.next()) {
          if (addresses.type < CTA_IP_V4_SRC || addresses.type > CTA_IP_V6_DST) continue;
          if (this.keys.has(this.buffer.toString('hex', addresses.start, addresses.end))) return true;
        }
      }
    }
    return false;
  }

  /** By what the kernel finds an entry by; its id says that it is still the same connection. */
  private writeDeletion(): void {
    const { attributes, deletions } = this;
    this.found++;
    deletions.begin((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE, 0);
    deletions.nfgenmsg(this.family);
    attributes.reset(this.reader, SIZEOF_NFGENMSG);
    while (attributes.next()) {
      const { type } = attributes;
      if (type === CTA_TUPLE_ORIG) deletions.attributeBytes(type | NLA_F_NESTED, attributes.copy());
      else if (type === CTA_ZONE || type === CTA_ID) deletions.attributeBytes(type, attributes.copy());
    }
    deletions.end();
  }
}
