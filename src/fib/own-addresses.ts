/**
 * The addresses of this node's interfaces.
 */
import { formatAddress } from '../net/address.ts';
import type { InterfaceAddress } from './netlink/addresses.ts';

/** Addresses by interface, and as a set. */
export class OwnAddresses {
  /** Canonical, link-local ones without zone. */
  readonly all = new Set<string>();
  /** Canonical address by interface, address and prefix length: an interface may have one with several lengths. */
  private readonly entries = new Map<
    string,
    { readonly index: number; readonly text: string; readonly ipv4: boolean }
  >();
  /** How many entries have each address. */
  private readonly counts = new Map<string, number>();
  private readonly changed: (address: string) => void;

  /** `changed` is told of each address that comes or goes. */
  constructor(changed: (address: string) => void) {
    this.changed = changed;
  }

  /** Takes in an address, or that one was removed. A duplicate is not in use, and so not this node's. */
  update(address: InterfaceAddress, deleted: boolean): void {
    const text = formatAddress(address.address);
    const { interfaceIndex: index } = address;
    const key = `${index} ${text}/${address.prefixLength}`;
    if (deleted || address.duplicate) {
      if (this.entries.delete(key)) this.count(text, -1);
    } else if (!this.entries.has(key)) {
      this.entries.set(key, { index, text, ipv4: address.address.length === 4 });
      this.count(text, 1);
    }
  }

  /** Takes in all addresses there are. */
  replace(addresses: readonly InterfaceAddress[]): void {
    const before = [...this.entries.values()];
    this.entries.clear();
    for (const address of addresses) this.update(address, false);
    for (const { text } of before) this.count(text, -1);
  }

  /** Whether an interface has an address, given canonical. */
  isOn(index: number, text: string): boolean {
    return (
      this.all.has(text) && [...this.entries.values()].some((entry) => entry.index === index && entry.text === text)
    );
  }

  /** Whether an interface has any IPv4 address. */
  hasIpv4(index: number): boolean {
    return [...this.entries.values()].some((entry) => entry.index === index && entry.ipv4);
  }

  private count(text: string, change: 1 | -1): void {
    const count = (this.counts.get(text) ?? 0) + change;
    if (count > 0) this.counts.set(text, count);
    else this.counts.delete(text);
    if (count > 0 === this.all.has(text)) return;
    if (count > 0) this.all.add(text);
    else this.all.delete(text);
    this.changed(text);
  }
}
