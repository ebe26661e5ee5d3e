/**
 * A VXLAN overlay as Felix sets it up, for nodes where no Felix runs: a device per address family that sends to known
 * nodes only. Its routes are the FIB's business, which asks here for the way to a node.
 */
import { listAddresses, readAddress } from './netlink/addresses.ts';
import {
  AF_UNSPEC,
  IFLA_MTU,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  SIZEOF_IFINFOMSG,
} from './netlink/constants.ts';
import { readMacEntry } from './netlink/fdb.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { hasRouteOver } from './netlink/routes-over.ts';
import { deleteVxlanLink, listVxlanLinks, readVxlanLink, setVxlanLink } from './netlink/vxlan.ts';
import type { VxlanLink } from './netlink/vxlan.ts';
import type { TunnelTable, TunnelWay, VxlanPlan } from './tunnel-plan.ts';
import { VXLAN_ALIAS, VxlanDevice } from './vxlan-device.ts';
import type { FibTrouble } from './worker-messages.ts';

/** The VXLAN devices of a node. Blocking. */
export class VxlanDataplane implements TunnelTable {
  private readonly client: NetlinkClient;
  private readonly attributes = new AttributeReader();
  /** Undefined until somebody says what is wanted: until then nothing is touched. */
  private devices: VxlanDevice[] | undefined;
  /** Those of earlier plans, while they are there: routes may still lead over them. */
  private former: VxlanDevice[] = [];
  /** Names of devices that are Felix'. */
  private leftToFelix: ReadonlySet<string> = new Set();

  constructor(client: NetlinkClient) {
    this.client = client;
  }

  /** Says what devices there should be; {@link sync} makes it so. */
  set(plans: readonly VxlanPlan[]): void {
    const before = [...(this.devices ?? []), ...this.former];
    const wanted = plans.filter(({ leftToFelix }) => leftToFelix !== true);
    this.devices = wanted.map((plan) => {
      const device = new VxlanDevice(plan);
      // Until the next sync the way is as it was: a changed plan takes no route out.
      device.index = before.find((other) => other.plan.device === plan.device)?.index ?? 0;
      return device;
    });
    this.former = before.filter((other) => wanted.every(({ device }) => device !== other.plan.device));
    this.leftToFelix = new Set(plans.filter((plan) => !wanted.includes(plan)).map(({ device }) => device));
  }

  /**
   * Brings the kernel to what was said last. Devices that are there already are taken over, whoever made them; those that
   * the daemon made or took over and that no plan names are deleted as soon as no route leads over them. Returns what could
   * not be done; the rest is done.
   */
  sync(): FibTrouble[] {
    if (this.devices === undefined) return [];
    const troubles: string[] = [];
    try {
      const links = listVxlanLinks(this.client);
      const names = new Set(this.devices.map(({ plan }) => plan.device));
      const unwanted = links.filter((link) => isOurs(link) && !names.has(link.name));
      const given = unwanted.filter((link) => this.attempt(troubles, () => this.giveUp(link, troubles)));
      this.trackFormer(links.filter((link) => !given.includes(link)));
      if (this.devices.length > 0) {
        const addresses = listAddresses(this.client);
        for (const device of this.devices) troubles.push(...device.sync(this.client, links, addresses));
      }
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      troubles.push(error.message);
    }
    return troubles.map((message) => ({ code: 'FIB_TUNNEL', message }));
  }

  /**
   * Takes in what somebody else changed (links, addresses, neighbours): true if it is about what the plans decide, so
   * that {@link sync} is due.
   */
  notify(message: MessageReader): boolean {
    const { type } = message;
    if (type === RTM_NEWLINK || type === RTM_DELLINK) return this.linkNews(message, type === RTM_DELLINK);
    if (type === RTM_NEWADDR || type === RTM_DELADDR) return this.addressNews(message, type === RTM_DELADDR);
    if (type === RTM_NEWNEIGH || type === RTM_DELNEIGH) return this.entryNews(message, type === RTM_DELNEIGH);
    return false;
  }

  /** Deletes the devices that the daemon made or took over, as far as the kernel lets it. Throws {@link NetlinkError}. */
  clear(): void {
    this.devices = undefined;
    this.former = [];
    const troubles: string[] = [];
    for (const link of listVxlanLinks(this.client).filter(isOurs)) this.attempt(troubles, () => this.delete(link));
  }

  /** See {@link TunnelTable.vxlan}. */
  vxlan(address: string): TunnelWay {
    const family = address.includes(':') ? 1 : 0;
    const device = [...(this.devices ?? []), ...this.former].find(({ plan }) => plan.family === family);
    return device?.way(address) ?? { why: 'no VXLAN is set up here' };
  }

  /** Parts with a device of ours; returns whether it is gone then. Throws {@link NetlinkError}. */
  private giveUp(link: VxlanLink, troubles: string[]): boolean {
    if (this.leftToFelix.has(link.name)) {
      setVxlanLink(this.client, link, { alias: '' });
      return false;
    }
    if (hasRouteOver(this.client, link.index)) {
      troubles.push(`${link.name} is not wanted any more: it goes when no route leads over it`);
      return false;
    }
    return this.delete(link);
  }

  private trackFormer(links: readonly VxlanLink[]): void {
    for (const device of this.former) {
      device.index = links.find(({ name }) => name === device.plan.device)?.index ?? 0;
    }
    this.former = this.former.filter(({ index }) => index !== 0);
  }

  private delete(link: VxlanLink): true {
    try {
      deleteVxlanLink(this.client, link);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== 'ENODEV') throw error;
    }
    return true;
  }

  private attempt(troubles: string[], action: () => boolean): boolean {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      troubles.push(error.message);
      return false;
    }
  }

  private linkNews(message: MessageReader, deleted: boolean): boolean {
    const { devices } = this;
    if (devices === undefined || devices.length === 0 || message.u8(0) !== AF_UNSPEC) return false;
    const link = readVxlanLink(message, this.attributes);
    if (link !== undefined) return devices.some((device) => device.linkIsOff(link, deleted));
    const mtu = this.mtuOf(message);
    return !deleted && devices.some((device) => device.mtuIsOff(message.i32(4), mtu));
  }

  private mtuOf(message: MessageReader): number {
    const { attributes } = this;
    attributes.reset(message, SIZEOF_IFINFOMSG);
    while (attributes.next()) if (attributes.type === IFLA_MTU) return attributes.u32();
    return 0;
  }

  private addressNews(message: MessageReader, deleted: boolean): boolean {
    const address = readAddress(message, this.attributes);
    if (address === undefined) return false;
    return this.devices?.some((device) => device.addressIsOff(address, deleted)) === true;
  }

  private entryNews(message: MessageReader, deleted: boolean): boolean {
    const index = message.i32(4);
    const device = this.devices?.find((each) => each.index === index);
    return device?.entryIsOff(readMacEntry(message, this.attributes), deleted) === true;
  }
}

function isOurs(link: VxlanLink): boolean {
  return link.alias === VXLAN_ALIAS;
}
