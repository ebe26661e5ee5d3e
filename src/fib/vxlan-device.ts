/**
 * One VXLAN device of the kernel, brought to what its plan says.
 */
import { AddressError, formatAddress, isLinkLocal, parseAddress, tryParseAddress } from '../net/address.ts';
import { IPV6_UNICAST, addressBits, addressBytes } from '../net/family.ts';
import type { InterfaceAddress } from './netlink/addresses.ts';
import { AF_BRIDGE } from './netlink/constants.ts';
import { parseMac } from './netlink/fdb.ts';
import type { MacEntry } from './netlink/fdb.ts';
import { addAddress, deleteAddress } from './netlink/links.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { afOf } from './netlink/routes.ts';
import { addVxlanLink, deleteVxlanLink, listVxlanLinks, setVxlanLink } from './netlink/vxlan.ts';
import type { VxlanLink, VxlanSettings } from './netlink/vxlan.ts';
import { vxlanOverhead } from './tunnel-plan.ts';
import type { TunnelWay, VxlanPeer, VxlanPlan } from './tunnel-plan.ts';
import { findUnderlay } from './underlay.ts';
import type { Underlay } from './underlay.ts';
import { VxlanEntries } from './vxlan-entries.ts';

/** The alias of devices that the daemon made or took over. */
export const VXLAN_ALIAS = 'starling';

/** MTU of an Ethernet link, taken where the underlay isn't known. */
const ETHERNET_MTU = 1500;
/** Below it the kernel switches IPv6 off on a link (RFC 8200 §5). */
const IPV6_MINIMUM_MTU = 1280;

/** A device and its plan. */
export class VxlanDevice {
  readonly plan: VxlanPlan;
  /** Index of the device, 0 while it isn't there. */
  index = 0;

  private readonly gateways = new Map<string, Uint8Array>();
  private readonly neighbours: VxlanEntries;
  private readonly forwarding: VxlanEntries;
  /** What is wrong with peers that are left out. */
  private readonly misfits: string[] = [];
  private underlay: Underlay | undefined;
  private troubles: string[] = [];

  constructor(plan: VxlanPlan) {
    this.plan = plan;
    const peers = plan.peers.filter((peer) => {
      const words = misfit(plan, peer);
      if (words !== undefined) this.misfits.push(words);
      else this.gateways.set(peer.address, parseAddress(peer.gateway).bytes);
      return words === undefined;
    });
    const neighbours = peers.map(({ node, gateway, mac }) => ({ node, address: gateway, mac: mac.toLowerCase() }));
    const forwarding = peers.map(({ node, address, mac }) => ({ node, address, mac: mac.toLowerCase() }));
    this.neighbours = new VxlanEntries(afOf(plan.family), neighbours);
    this.forwarding = new VxlanEntries(AF_BRIDGE, forwarding);
  }

  /** The way to the peer with this address in the underlay. */
  way(address: string): TunnelWay {
    const gateway = this.gateways.get(address);
    if (gateway === undefined) {
      return { why: 'no node with this address is known, so there is no VXLAN endpoint for it' };
    }
    if (this.index !== 0) return { gateway, interfaceIndex: this.index };
    return { why: `${this.plan.device} is not there: ${this.troubles.join('; ') || 'it is not set up yet'}` };
  }

  /**
   * Changes in the kernel what differs from the plan, given the VXLAN devices and addresses that there are; returns what
   * could not be done.
   */
  sync(client: NetlinkClient, links: readonly VxlanLink[], addresses: readonly InterfaceAddress[]): readonly string[] {
    this.troubles = [];
    this.attempt(() => {
      this.underlay = findUnderlay(client, this.plan, addresses);
    });
    if (this.underlay === undefined) {
      this.troubles.push(`no interface has ${this.plan.localAddress}, the address that its packets come from`);
    }
    if (this.plan.family === IPV6_UNICAST && this.mtu < IPV6_MINIMUM_MTU) {
      this.troubles.push(`its MTU of ${this.mtu} is too small for IPv6, which needs ${IPV6_MINIMUM_MTU}`);
    }
    this.index = 0;
    this.attempt(() => {
      const link = this.syncLink(client, links);
      this.index = link?.index ?? 0;
    });
    if (this.index !== 0) {
      this.attempt(() => this.syncAddresses(client, addresses));
      this.attempt(() => this.troubles.push(...this.neighbours.sync(client, this.index)));
      this.attempt(() => this.troubles.push(...this.forwarding.sync(client, this.index)));
    }
    return [...this.troubles, ...this.misfits].map((words) => `${this.plan.device}: ${words}`);
  }

  /** Whether this news of a VXLAN device means that something is to be done. */
  linkIsOff(link: VxlanLink, deleted: boolean): boolean {
    // While the device isn't there, whatever happens to another may be what it waits for.
    if (this.index === 0) return true;
    if (link.index !== this.index) return false;
    return deleted || !this.isMade(link) || Object.keys(this.differences(link)).length > 0;
  }

  /** Whether this news of an interface's MTU means that something is to be done. */
  mtuIsOff(interfaceIndex: number, mtu: number): boolean {
    return interfaceIndex === this.underlay?.interfaceIndex && mtu !== this.underlay.mtu;
  }

  /** Whether this news of an address means that something is to be done. */
  addressIsOff(address: InterfaceAddress, deleted: boolean): boolean {
    if (formatAddress(address.address) === this.plan.localAddress) return true;
    if (address.interfaceIndex !== this.index || !this.isConcerned(address)) return false;
    return this.isWanted(address) === deleted;
  }

  /** Whether this news of an entry means that something is to be done. */
  entryIsOff(entry: MacEntry, deleted: boolean): boolean {
    if (entry.interfaceIndex !== this.index) return false;
    return (entry.family === AF_BRIDGE ? this.forwarding : this.neighbours).isOff(entry, deleted);
  }

  /** Finds or makes the device. Throws {@link NetlinkError}. */
  private syncLink(client: NetlinkClient, links: readonly VxlanLink[]): VxlanLink | undefined {
    const { device, vni, port, localAddress } = this.plan;
    let link = links.find(({ name }) => name === device);
    if (link !== undefined && !this.isMade(link)) {
      deleteVxlanLink(client, link);
      link = undefined;
    }
    if (link === undefined) {
      const local = parseAddress(localAddress).bytes;
      addVxlanLink(client, { name: device, vni, port, local });
      link = listVxlanLinks(client).find(({ name }) => name === device);
    }
    if (link === undefined) return undefined;
    const { mtu, mac, alias, up } = this.differences(link);
    const changes: VxlanSettings[] = [];
    if (mtu !== undefined) changes.push({ mtu });
    if (mac !== undefined) changes.push({ mac });
    if (alias !== undefined) changes.push({ alias });
    if (up !== undefined) changes.push({ up });
    // One by one, so that one that the kernel refuses doesn't stop the rest.
    for (const change of changes) this.attempt(() => setVxlanLink(client, link, change));
    return link;
  }

  /** Whether a device was made with the parameters of the plan, which can't change. */
  private isMade(link: VxlanLink): boolean {
    const { vni, port, localAddress } = this.plan;
    const same = link.vni === vni && link.port === port && link.local === localAddress;
    // Felix binds its device to the underlay's interface; that does as well as leaving it to routes.
    const bound = link.boundTo === 0 || this.underlay === undefined || link.boundTo === this.underlay.interfaceIndex;
    return same && bound && !link.learning && !link.extended;
  }

  private get mtu(): number {
    return this.plan.mtu ?? (this.underlay?.mtu ?? ETHERNET_MTU) - vxlanOverhead(this.plan.family);
  }

  /** What is to be set for the device to be as planned. */
  private differences(link: VxlanLink): VxlanSettings {
    const { mtu } = this;
    const { mac } = this.plan;
    const bytes = parseMac(mac);
    return {
      ...(link.mtu === mtu ? {} : { mtu }),
      ...(bytes === undefined || link.mac === mac.toLowerCase() ? {} : { mac: bytes }),
      ...(link.alias === VXLAN_ALIAS ? {} : { alias: VXLAN_ALIAS }),
      ...(link.up ? {} : { up: true }),
    };
  }

  /** Throws {@link NetlinkError}. */
  private syncAddresses(client: NetlinkClient, addresses: readonly InterfaceAddress[]): void {
    const { tunnelAddress, family } = this.plan;
    const present = addresses.filter((each) => each.interfaceIndex === this.index && this.isConcerned(each));
    // First the new one: with its last IPv4 address an interface loses its routes.
    if (tunnelAddress !== undefined && !present.some((each) => this.isWanted(each))) {
      addAddress(client, this.index, parseAddress(tunnelAddress).bytes, addressBits(family));
    }
    for (const address of present.filter((each) => !this.isWanted(each))) {
      deleteAddress(client, address);
    }
  }

  /** Whether an address of the device is one that the plan decides on. */
  private isConcerned({ address }: InterfaceAddress): boolean {
    return address.length === addressBytes(this.plan.family) && !isLinkLocal(address);
  }

  private isWanted({ address, prefixLength }: InterfaceAddress): boolean {
    return formatAddress(address) === this.plan.tunnelAddress && prefixLength === addressBits(this.plan.family);
  }

  private attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof AddressError)) throw error;
      this.troubles.push(error.message);
    }
  }
}

/** What is wrong with a peer, in words. */
function misfit({ family }: VxlanPlan, { node, address, gateway, mac }: VxlanPeer): string | undefined {
  const wrong = [address, gateway].find((text) => tryParseAddress(text)?.family !== family);
  if (wrong !== undefined) return `node ${node}: "${wrong}" is not an address of the overlay's family`;
  return parseMac(mac) === undefined ? `node ${node}: "${mac}" is not a MAC address` : undefined;
}
