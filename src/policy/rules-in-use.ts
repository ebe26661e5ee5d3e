/** Rules of endpoints with the policies, profiles and sets that they name: each is told once, and gone with its last use. */
import type { EndpointRules, ModelChanges } from './model.ts';
import type { Policy, Profile } from './policy.ts';
import type { Rule } from './rule.ts';
import { sameContent } from './same-content.ts';
import type { SetTable } from './set-table.ts';

/** What is there by name, whether it is in use or not. */
export interface Named {
  policy(key: string): Policy | undefined;
  profile(name: string): Profile | undefined;
}

export class RulesInUse {
  readonly #sets: SetTable;
  readonly #rules = new UseTable<EndpointRules>();
  readonly #policies: JudgeTable<Policy>;
  readonly #profiles: JudgeTable<Profile>;

  constructor(named: Named, sets: SetTable) {
    this.#sets = sets;
    this.#policies = new JudgeTable((key) => named.policy(key), sets);
    this.#profiles = new JudgeTable((name) => named.profile(name), sets);
  }

  get policyCount(): number {
    return this.#policies.size;
  }

  use(rules: EndpointRules): void {
    if (this.#rules.use(rules.id, rules) > 1) return;
    for (const { policies } of rules.tiers) for (const key of policies) this.#policies.use(key);
    for (const name of rules.profiles) this.#profiles.use(name);
  }

  release(id: string): void {
    const rules = this.#rules.get(id);
    if (rules === undefined || this.#rules.release(id) > 0) return;
    for (const { policies } of rules.tiers) for (const key of policies) this.#policies.release(key);
    for (const name of rules.profiles) this.#profiles.release(name);
  }

  /** The policy is not what it was. */
  policyChanged(key: string): void {
    this.#policies.changed(key);
  }

  profileChanged(name: string): void {
    this.#profiles.changed(name);
  }

  take(): Pick<ModelChanges, 'rules' | 'policies' | 'profiles' | 'sets'> {
    const rules = this.#rules.take();
    const policies = this.#policies.take();
    const profiles = this.#profiles.take();
    // Last, when it is settled which sets are named.
    return { rules, policies, profiles, sets: this.#sets.take() };
  }
}

/** Things by name with the number of their uses, and what of them was told. */
class UseTable<T> {
  readonly #uses = new Map<string, { value: T; count: number }>();
  readonly #touched = new Set<string>();
  readonly #told = new Map<string, T>();

  get(name: string): T | undefined {
    return this.#uses.get(name)?.value;
  }

  /** The number of uses, this one included. */
  use(name: string, value: T): number {
    const entry = this.#uses.get(name);
    if (entry !== undefined) return ++entry.count;
    this.#uses.set(name, { value, count: 1 });
    this.#touched.add(name);
    return 1;
  }

  release(name: string): number {
    const entry = this.#uses.get(name);
    if (entry === undefined) return 0;
    if (--entry.count > 0) return entry.count;
    this.#uses.delete(name);
    this.#touched.add(name);
    return 0;
  }

  take(): Map<string, T | undefined> {
    const changes = new Map<string, T | undefined>();
    for (const name of this.#touched) tell(changes, this.#told, name, this.get(name));
    this.#touched.clear();
    return changes;
  }
}

/** Policies or profiles that are named, be they there or not. The sets of those that are told are in use. */
class JudgeTable<T extends Policy | Profile> {
  readonly #find: (name: string) => T | undefined;
  readonly #sets: SetTable;
  readonly #uses = new Map<string, number>();
  readonly #touched = new Set<string>();
  readonly #told = new Map<string, T>();

  constructor(find: (name: string) => T | undefined, sets: SetTable) {
    this.#find = find;
    this.#sets = sets;
  }

  get size(): number {
    return this.#uses.size;
  }

  use(name: string): void {
    const count = this.#uses.get(name) ?? 0;
    this.#uses.set(name, count + 1);
    if (count === 0) this.#touched.add(name);
  }

  release(name: string): void {
    const count = this.#uses.get(name) ?? 0;
    if (count > 1) {
      this.#uses.set(name, count - 1);
      return;
    }
    this.#uses.delete(name);
    this.#touched.add(name);
  }

  changed(name: string): void {
    if (this.#uses.has(name)) this.#touched.add(name);
  }

  take(): Map<string, T | undefined> {
    const changes = new Map<string, T | undefined>();
    for (const name of this.#touched) {
      const before = this.#told.get(name);
      tell(changes, this.#told, name, this.#uses.has(name) ? this.#find(name) : undefined);
      const after = this.#told.get(name);
      if (before === after) continue;
      // In this order, so that a set that both name stays.
      if (after !== undefined) this.#sets.use(rulesOf(after));
      if (before !== undefined) this.#sets.release(rulesOf(before));
    }
    this.#touched.clear();
    return changes;
  }
}

function rulesOf({ ingress = [], egress = [] }: Policy | Profile): readonly Rule[] {
  return [...ingress, ...egress];
}

/** Adds to the changes what is different from what was told, and remembers that it is told. */
export function tell<T>(
  changes: Map<string, T | undefined>,
  told: Map<string, T>,
  name: string,
  now: T | undefined,
): void {
  if (sameContent(told.get(name), now)) return;
  changes.set(name, now);
  if (now === undefined) told.delete(name);
  else told.set(name, now);
}
