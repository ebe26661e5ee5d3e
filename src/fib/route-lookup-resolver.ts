/**
 * Next hops as the kernel takes them: which interface leads to a gateway, asked of the kernel itself.
 */
import { formatAddress, isLinkLocal, parseAddress } from '../net/address.ts';
import { RTN_LOCAL, RTN_UNICAST } from './netlink/constants.ts';
import { listLinks } from './netlink/links.ts';
import type { Link } from './netlink/links.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { newRouteView, readRoute, writeRouteGet } from './netlink/routes.ts';
import type { FibNextHop } from './next-hop.ts';
import type { Resolution } from './group-table.ts';

const NO_GATEWAY: Uint8Array = new Uint8Array(0);

/** Resolves next hops, and keeps the answers until {@link refresh}. */
export class RouteLookupResolver {
  private readonly client: NetlinkClient;
  private readonly writer = new MessageWriter(64);
  private readonly attributes = new AttributeReader();
  private readonly route = newRouteView();
  private readonly answers = new Map<string, Resolution>();
  private links = new Map<string, Link>();

  constructor(client: NetlinkClient) {
    this.client = client;
  }

  /** Reads the interfaces and forgets all answers. Throws {@link NetlinkError}. */
  refresh(): void {
    this.answers.clear();
    this.links = new Map(listLinks(this.client).map((link) => [link.name, link]));
  }

  /** Forgets all answers. */
  forget(): void {
    this.answers.clear();
  }

  /** The next hop for the kernel, or why there is none. */
  resolve(hop: FibNextHop): Resolution {
    const key = `${hop.address ?? ''}%${hop.interface ?? ''}`;
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = this.ask(hop);
    this.answers.set(key, answer);
    return answer;
  }

  private ask(hop: FibNextHop): Resolution {
    if (hop.address === undefined) return this.onInterface(hop.interface, NO_GATEWAY, false);
    const { bytes, zone } = parseAddress(hop.address);
    const name = hop.interface ?? zone;
    if (isLinkLocal(bytes)) return this.onInterface(name, bytes, false);
    return name === undefined ? this.connected(bytes) : this.onInterface(name, bytes, true);
  }

  private onInterface(name: string | undefined, gateway: Uint8Array, onlink: boolean): Resolution {
    if (name === undefined) return { why: 'a link-local next hop means nothing without its interface' };
    const link = this.links.get(name);
    if (link === undefined) return { why: `there is no interface ${name}` };
    if (!link.up) return { why: `interface ${name} is down` };
    return { hop: { gateway, interfaceIndex: link.index, onlink, weight: 1 } };
  }

  /** Where the kernel would send a packet to the gateway: directly, or else the gateway is no use. */
  private connected(gateway: Uint8Array): Resolution {
    const address = formatAddress(gateway);
    this.writer.clear();
    writeRouteGet(this.writer, gateway);
    try {
      this.client.get(this.writer, `look up the route to ${address}`, (answer) => {
        readRoute(answer, this.attributes, this.route);
      });
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      return { why: `this node has no route to it (${error.errno})` };
    }
    if (this.route.type === RTN_LOCAL) return { why: 'it is an address of this node itself' };
    if (this.route.type !== RTN_UNICAST) return { why: 'the route to it drops packets' };
    if (this.route.hasGateway) {
      return { why: 'it is on no network that this node is connected to, only behind another router' };
    }
    return { hop: { gateway, interfaceIndex: this.route.interfaceIndex, onlink: false, weight: 1 } };
  }
}
