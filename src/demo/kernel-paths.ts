/**
 * How many equal paths a router's kernel has to a prefix.
 */
import { FAMILIES } from '../net/family.ts';
import { formatPrefixWords } from '../net/prefix.ts';
import { ForeignNextHops } from '../fib/foreign-next-hops.ts';
import { RTM_NEWROUTE } from '../fib/netlink/constants.ts';
import { AttributeReader } from '../fib/netlink/message-reader.ts';
import { MessageWriter } from '../fib/netlink/message-writer.ts';
import type { NetlinkClient } from '../fib/netlink/netlink-client.ts';
import { newRouteView, readRoute, writeRouteDump } from '../fib/netlink/routes.ts';

/** The main table, and the protocol that starlingd marks its routes with by default (rtnetlink(7)). */
const OWNER = { table: 254, protocol: 12, metric: 0 };

/** Number of next hops by prefix, of all routes that starlingd has put into the kernel. */
export function kernelPaths(client: NetlinkClient): Map<string, number> {
  const paths = new Map<string, number>();
  const writer = new MessageWriter();
  const attributes = new AttributeReader();
  const view = newRouteView();
  const objects = new ForeignNextHops(client);
  objects.refresh();
  for (const family of FAMILIES) {
    writer.clear();
    writeRouteDump(writer, OWNER, family);
    client.dump(writer, 'list routes', (message) => {
      if (message.type !== RTM_NEWROUTE || !readRoute(message, attributes, view)) return;
      const prefix = formatPrefixWords(family, view.a0, view.a1, view.a2, view.a3, view.length);
      const hops = view.nextHopId === 0 ? view.nextHops : objects.hopsOf(view.nextHopId);
      paths.set(prefix, Math.max(1, hops.length));
    });
  }
  return paths;
}
