/**
 * The policy rules that send packets to the daemon's routing table (ip-rule(8)), where that is not the main one.
 */
import { AddressError } from '../net/address.ts';
import { FAMILIES, IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, parsePrefix, prefixFromBytes } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { addRule, deleteRule, formatRule, listRules } from './netlink/rules.ts';
import type { KernelRule } from './netlink/rules.ts';
import type { FibTrouble } from './worker-messages.ts';

/** Which packets are looked up in the daemon's table; all conditions must hold. */
export interface FibRule {
  /** Rules are tried in this order, the lowest number first. */
  readonly priority: number;
  /** By default the family of `from` or `to`, and both where there is neither. */
  readonly family?: Family;
  /** Prefix of the source. */
  readonly from?: string;
  /** Prefix of the destination. */
  readonly to?: string;
  /** Name of the interface that the packet came in by; `lo` for packets of the node itself. */
  readonly incomingInterface?: string;
  /** The packet's mark, of which the bits in `fwmask` count (by default all). */
  readonly fwmark?: number;
  readonly fwmask?: number;
}

/** Which rules are the daemon's: those of its table that carry its protocol. */
export interface RuleOwner {
  readonly table: number;
  /** `RTPROT_*`. */
  readonly protocol: number;
}

/** The kernel's rules, kept as wanted. Blocking. */
export class PolicyRules {
  private readonly client: NetlinkClient;
  private readonly owner: RuleOwner;

  constructor(client: NetlinkClient, owner: RuleOwner) {
    this.client = client;
    this.owner = owner;
  }

  /**
   * Adds what is missing, deletes rules of ours that nobody wants, and leaves those of others alone. One of others that
   * says just what is wanted serves as well. Returns what could not be done.
   */
  sync(rules: readonly FibRule[]): FibTrouble[] {
    const troubles: string[] = [];
    const wanted = this.expand(rules, troubles);
    for (const family of FAMILIES) {
      attempt(troubles, () => this.syncFamily(family, wanted.get(family) ?? new Map<string, KernelRule>(), troubles));
    }
    return troubles.map((message) => ({ code: 'FIB_RULE', message }));
  }

  /** Deletes all rules of ours. Throws {@link NetlinkError}. */
  clear(): void {
    for (const family of FAMILIES) this.deleteUnwanted(family, new Map());
  }

  private syncFamily(family: Family, wanted: ReadonlyMap<string, KernelRule>, troubles: string[]): void {
    const present = new Set(this.deleteUnwanted(family, wanted).map(formatRule));
    const missing = [...wanted].filter(([words]) => !present.has(words)).map(([, rule]) => rule);
    // The kernel refuses a rule if one is there that says the same and more, so those that say less come first.
    for (const rule of missing.toSorted((a, b) => conditions(a) - conditions(b))) {
      attempt(troubles, () => addRule(this.client, rule));
    }
  }

  /**
   * Deletes rules of ours that are not in `wanted`; returns what serves then. The kernel may delete a narrower rule of
   * ours than the one meant (see {@link deleteRule}), so it looks again until there is none left.
   */
  private deleteUnwanted(family: Family, wanted: ReadonlyMap<string, KernelRule>): KernelRule[] {
    for (;;) {
      const rules = listRules(this.client, family).filter((rule) => rule.table === this.owner.table);
      const serves = (rule: KernelRule): boolean => !rule.special && wanted.has(formatRule(rule));
      const unwanted = rules.filter((rule) => rule.protocol === this.owner.protocol && !serves(rule));
      const deleted = unwanted.filter((rule) => this.delete(rule));
      if (deleted.length === 0) return rules.filter(serves);
    }
  }

  /** Deletes a rule; false if there is none, be it by a deletion before that was not exact. */
  private delete(rule: KernelRule): boolean {
    try {
      deleteRule(this.client, rule);
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === 'ENOENT') return false;
      throw error;
    }
  }

  /** The rules as the kernel has them, by family and words. */
  private expand(rules: readonly FibRule[], troubles: string[]): Map<Family, Map<string, KernelRule>> {
    const wanted = new Map<Family, Map<string, KernelRule>>(FAMILIES.map((family) => [family, new Map()]));
    for (const rule of rules) {
      try {
        for (const expanded of this.expandOne(rule)) wanted.get(expanded.family)!.set(formatRule(expanded), expanded);
      } catch (error) {
        if (!(error instanceof AddressError)) throw error;
        troubles.push(`rule ${rule.priority}: ${error.message}`);
      }
    }
    return wanted;
  }

  private expandOne(rule: FibRule): KernelRule[] {
    const from = rule.from === undefined ? undefined : parsePrefix(rule.from);
    const to = rule.to === undefined ? undefined : parsePrefix(rule.to);
    const family = rule.family ?? from?.family ?? to?.family;
    for (const prefix of [from, to]) {
      if (prefix === undefined || prefix.family === family) continue;
      throw new AddressError(formatPrefix(prefix), family === IPV4_UNICAST ? 'an IPv4 prefix' : 'an IPv6 prefix');
    }
    const fwmask = rule.fwmark === undefined ? 0 : (rule.fwmask ?? 0xffffffff);
    return (family === undefined ? FAMILIES : [family]).map((each) => ({
      ...this.owner,
      family: each,
      priority: rule.priority,
      from: from ?? any(each),
      to: to ?? any(each),
      incomingInterface: rule.incomingInterface ?? '',
      fwmark: ((rule.fwmark ?? 0) & fwmask) >>> 0,
      fwmask,
      special: false,
    }));
  }
}

function any(family: Family): Prefix {
  return prefixFromBytes(family, new Uint8Array(0), 0);
}

function conditions({ from, to, incomingInterface, fwmask }: KernelRule): number {
  return [from.length > 0, to.length > 0, incomingInterface !== '', fwmask !== 0].filter(Boolean).length;
}

function attempt(troubles: string[], action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    troubles.push(error.message);
  }
}
