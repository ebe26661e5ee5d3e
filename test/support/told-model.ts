/** All that a policy engine told, put together; what is no difference to what was told before is an error. */
import type { EndpointRules, LocalHost, LocalWorkload, ModelChanges } from '../../src/policy/model.ts';
import type { PolicyEngine } from '../../src/policy/policy-engine.ts';
import type { Policy, Profile } from '../../src/policy/policy.ts';
import type { SetSpec } from '../../src/policy/rule.ts';
import type { PolicySettings } from '../../src/policy/settings.ts';

export class ToldModel {
  readonly sets = new Map<string, { readonly spec: SetSpec; readonly members: Set<string> }>();
  readonly policies = new Map<string, Policy>();
  readonly profiles = new Map<string, Profile>();
  readonly rules = new Map<string, EndpointRules>();
  readonly workloads = new Map<string, LocalWorkload>();
  readonly hosts = new Map<string, LocalHost>();
  settings: PolicySettings | undefined;

  /** Takes what is different, and returns it. */
  take(engine: PolicyEngine): ModelChanges | undefined {
    const changes = engine.take();
    if (changes === undefined) return undefined;
    for (const change of changes.sets) this.#change(change);
    merge(this.policies, changes.policies);
    merge(this.profiles, changes.profiles);
    merge(this.rules, changes.rules);
    merge(this.workloads, changes.workloads);
    merge(this.hosts, changes.hosts);
    this.settings = changes.settings ?? this.settings;
    return changes;
  }

  /** Members of the set of addresses of this selector, sorted; undefined where no rule names it. */
  addresses(selector: string): readonly string[] | undefined {
    const sets = [...this.sets.values()];
    const set = sets.find(({ spec }) => spec.kind === 'addresses' && spec.selector === selector);
    return set === undefined ? undefined : [...set.members].toSorted();
  }

  /** As plain data in an order of its own, to be compared. */
  plain(): unknown {
    return {
      sets: [...this.sets].map(([id, { spec, members }]) => [id, spec, [...members].toSorted()]).toSorted(byFirst),
      policies: [...this.policies].toSorted(byFirst),
      profiles: [...this.profiles].toSorted(byFirst),
      rules: [...this.rules].toSorted(byFirst),
      workloads: [...this.workloads].toSorted(byFirst),
      hosts: [...this.hosts].toSorted(byFirst),
      settings: this.settings,
    };
  }

  #change({ set: spec, gone, added, removed }: ModelChanges['sets'][number]): void {
    const known = this.sets.get(spec.id);
    if (gone) {
      if (known === undefined || added.length + removed.length > 0) throw new Error(`${spec.id} can not go`);
      this.sets.delete(spec.id);
      return;
    }
    const members = known?.members ?? new Set();
    if (known !== undefined && added.length + removed.length === 0) throw new Error(`${spec.id} is as it was`);
    for (const member of removed) if (!members.delete(member)) throw new Error(`${member} is not in ${spec.id}`);
    for (const member of added) {
      if (members.has(member)) throw new Error(`${member} is in ${spec.id}`);
      members.add(member);
    }
    this.sets.set(spec.id, { spec, members });
  }
}

function merge<T>(told: Map<string, T>, changes: ReadonlyMap<string, T | undefined>): void {
  for (const [name, value] of changes) {
    if (JSON.stringify(told.get(name)) === JSON.stringify(value)) throw new Error(`${name} is as it was`);
    if (value === undefined) told.delete(name);
    else told.set(name, value);
  }
}

function byFirst([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}
