/** Under which port id of netlink (netlink(7)) a process speaks with the packet filter. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { NETLINK_NETFILTER } from '../fib/netlink/constants.ts';

/**
 * The port id of the first such socket of process `pid`. The kernel gives a process its own id as that of its first socket, unless
 * a process of another PID namespace has it already; where it cannot be looked up, that is the answer, too.
 */
export function netfilterPort(pid: number): number {
  try {
    const inodes = new Set<string>();
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined) inodes.add(inode);
    }
    for (const line of readFileSync(`/proc/${pid}/net/netlink`, 'utf8').split('\n')) {
      // sk, protocol, port id, groups, receive and send memory, dump, locks, drops, inode
      const [, protocol, portId, , , , , , , inode] = line.trim().split(/\s+/);
      if (Number(protocol) === NETLINK_NETFILTER && inodes.has(inode)) return Number(portId) >>> 0;
    }
  } catch {
    // The process is gone, or /proc is not to be seen.
  }
  return pid;
}
