/** All policies, and which endpoints of this node each picks. */
import { parseSelector } from '../resources/selector.ts';
import type { Labels, Selector } from '../resources/selector.ts';
import type { Endpoint } from './endpoint.ts';
import { LabelIndex, NO_QUERIES } from './label-index.ts';
import type { LabelGroup } from './label-index.ts';
import type { Policy } from './policy.ts';
import { sameContent } from './same-content.ts';

/** A policy that is there. */
export interface PolicyEntry {
  readonly selector: Selector;
  policy: Policy;
  /** Keys of the endpoints of this node that it picks. */
  readonly picked: Set<string>;
}

/** An endpoint of this node, by itself: there are few. */
interface LocalGroup extends LabelGroup<PolicyEntry> {
  readonly endpoint: Endpoint;
}

export class PolicyTable {
  readonly #entries = new Map<string, PolicyEntry>();
  readonly #locals = new Map<string, LocalGroup>();
  readonly #labels: LabelIndex<LocalGroup, PolicyEntry>;
  readonly #affected: (key: string) => void;

  /** `affected` is told of endpoints of this node for which other policies count than before, or in another order. */
  constructor(affected: (key: string) => void) {
    this.#affected = affected;
    this.#labels = new LabelIndex({
      matched: ({ endpoint }, { picked }) => {
        picked.add(endpoint.key);
        affected(endpoint.key);
      },
      unmatched: ({ endpoint }, { picked }) => {
        picked.delete(endpoint.key);
        affected(endpoint.key);
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  entries(): Iterable<PolicyEntry> {
    return this.#entries.values();
  }

  get(key: string): Policy | undefined {
    return this.#entries.get(key)?.policy;
  }

  /** False where the policy is there already as it is. */
  put(policy: Policy): boolean {
    const before = this.#entries.get(policy.key);
    if (before !== undefined && sameContent(before.policy, policy)) return false;
    if (before?.policy.selector === policy.selector) {
      before.policy = policy;
      for (const key of before.picked) this.#affected(key);
      return true;
    }
    if (before !== undefined) this.delete(policy.key);
    const entry: PolicyEntry = { selector: parseSelector(policy.selector), policy, picked: new Set() };
    this.#entries.set(policy.key, entry);
    this.#labels.addQuery(entry);
    return true;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#labels.removeQuery(entry);
    for (const endpoint of entry.picked) this.#affected(endpoint);
    return true;
  }

  /** Another order or default action of a tier, or one that came or went, concerns all that its policies pick. */
  tierChanged(name: string): void {
    for (const { policy, picked } of this.#entries.values()) {
      if (policy.tier === name) for (const key of picked) this.#affected(key);
    }
  }

  setProfile(name: string, labels: Labels | undefined): void {
    this.#labels.setProfile(name, labels);
  }

  /** An endpoint of this node, new or different. */
  putLocal(endpoint: Endpoint): void {
    const { key, labels, profiles } = endpoint;
    this.deleteLocal(key);
    const group: LocalGroup = { endpoint, labels, profiles, matched: NO_QUERIES };
    this.#locals.set(key, group);
    this.#labels.addGroup(group);
    this.#affected(key);
  }

  deleteLocal(key: string): void {
    const group = this.#locals.get(key);
    if (group === undefined) return;
    this.#locals.delete(key);
    this.#labels.removeGroup(group);
    this.#affected(key);
  }

  local(key: string): Endpoint | undefined {
    return this.#locals.get(key)?.endpoint;
  }

  locals(): Iterable<{ readonly endpoint: Endpoint }> {
    return this.#locals.values();
  }

  /** The policies that pick an endpoint, in no order; of those of other nodes all policies are asked. */
  picking(endpoint: Endpoint): readonly Policy[] {
    const local = this.#locals.get(endpoint.key);
    if (local !== undefined) return local.matched.map(({ policy }) => policy);
    const inherited = this.#labels.inherited(endpoint.profiles);
    const entries = [...this.#entries.values()];
    return entries.filter(({ selector }) => selector.matches(endpoint.labels, inherited)).map(({ policy }) => policy);
  }
}
