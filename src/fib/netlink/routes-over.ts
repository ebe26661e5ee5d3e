/** Whether an interface is in use by routes, as a synchronous call. */
import { FAMILIES } from '../../net/family.ts';
import { NLM_F_DUMP, RTA_OIF, RTM_GETROUTE, RTM_NEWROUTE, RTPROT_KERNEL } from './constants.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';
import { NetlinkError } from './netlink-error.ts';
import { afOf } from './routes.ts';

/**
 * Whether a route of any table leads over an interface, beside those that the kernel makes for its addresses. The kernel
 * looks through its tables for it. Throws {@link NetlinkError}.
 */
export function hasRouteOver(client: NetlinkClient, interfaceIndex: number): boolean {
  return FAMILIES.some((family) => {
    let found = false;
    const writer = new MessageWriter(64);
    writer.begin(RTM_GETROUTE, NLM_F_DUMP);
    writer.rtmsg(afOf(family), 0, 0, 0, 0);
    writer.attributeU32(RTA_OIF, interfaceIndex);
    writer.end();
    try {
      client.dump(writer, `list routes over interface ${interfaceIndex}`, (message) => {
        if (message.type === RTM_NEWROUTE && message.u8(PROTOCOL_OFFSET) !== RTPROT_KERNEL) found = true;
      });
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== 'ENODEV') throw error;
    }
    return found;
  });
}

/** Where the protocol stands in `struct rtmsg`. */
const PROTOCOL_OFFSET = 5;
