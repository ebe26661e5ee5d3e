/** From policies, profiles, sets and endpoints to the table of nftables that enforces them. */
import type { TableWriter } from '../nftables/table-writer.ts';
import type { EndpointRules, LocalHost, ModelChanges } from '../policy/model.ts';
import type { Policy, Profile } from '../policy/policy.ts';
import type { PolicySettings } from '../policy/settings.ts';
import { baseChains } from './base-chains.ts';
import { canPass, endpointChains } from './endpoint-chains.ts';
import { OwnedChains } from './owned-chains.ts';
import { References } from './references.ts';
import { DIRECTIONS, policyChains, profileChains, setsOf } from './rule-chains.ts';
import { SetContents } from './set-contents.ts';
import { WorkloadMaps, isStray } from './workload-maps.ts';

const NO_NAMES: ReadonlySet<string> = new Set();

/** What has to be written anew, by name. */
class Outdated {
  readonly policies = new Set<string>();
  readonly profiles = new Set<string>();
  readonly rules = new Set<string>();
  base = false;
}

/**
 * Keeps a table as the model of policies is. A change costs what it is about: a workload more is two elements of maps beside
 * members of sets, and no rule. Before the first settings nothing is written.
 */
export class RulesetRenderer {
  private readonly chains: OwnedChains;
  private readonly sets: SetContents;
  private readonly workloads: WorkloadMaps;
  private readonly policies = new Map<string, Policy>();
  private readonly profiles = new Map<string, Profile>();
  private readonly rules = new Map<string, EndpointRules>();
  private readonly hosts = new Map<string, LocalHost>();
  /** Which policies and profiles name a set, and which rules of endpoints name a policy or profile. */
  private readonly setUsers = { policies: new References(), profiles: new References() };
  private readonly policyUsers = new References();
  private readonly profileUsers = new References();
  private settings: PolicySettings | undefined;
  /** What came before the first settings. */
  private early: ModelChanges[] = [];

  constructor(writer: TableWriter) {
    this.chains = new OwnedChains(writer);
    this.sets = new SetContents(writer);
    this.workloads = new WorkloadMaps(writer);
  }

  /** Brings the table in line with the model. What rules name that the model does not have lets nothing pass. */
  apply(changes: ModelChanges): void {
    if (this.settings !== undefined) {
      this.enter(changes, changes.settings ?? this.settings);
      return;
    }
    this.early.push(changes);
    if (changes.settings === undefined) return;
    const { early } = this;
    this.early = [];
    for (const change of early) this.enter(change, changes.settings);
  }

  private enter(changes: ModelChanges, settings: PolicySettings): void {
    const outdated = new Outdated();
    this.enterSettings(settings, outdated);
    this.enterSets(changes, outdated);
    for (const [key, policy] of changes.policies) this.enterPolicy(key, policy, outdated);
    for (const [name, profile] of changes.profiles) this.enterProfile(name, profile, outdated);
    for (const [id, rules] of changes.rules) this.enterRules(id, rules, outdated);
    this.enterWorkloads(changes.workloads, settings, outdated);
    for (const [name, host] of changes.hosts) {
      if (host === undefined) this.hosts.delete(name);
      else this.hosts.set(name, host);
      outdated.base = true;
    }
    this.write(outdated, settings);
  }

  private enterSettings(settings: PolicySettings, outdated: Outdated): void {
    if (settings === this.settings) return;
    this.workloads.declare();
    if (this.settings?.logPrefix !== settings.logPrefix) {
      for (const key of this.policies.keys()) outdated.policies.add(key);
      for (const name of this.profiles.keys()) outdated.profiles.add(name);
    }
    for (const id of this.rules.keys()) outdated.rules.add(id);
    outdated.base = true;
    this.settings = settings;
  }

  private enterSets(changes: ModelChanges, outdated: Outdated): void {
    const { sets, families } = this.sets.apply(changes.sets);
    const { policies, profiles } = this.setUsers;
    if (families) {
      for (const key of policies.all()) outdated.policies.add(key);
      for (const name of profiles.all()) outdated.profiles.add(name);
    }
    for (const id of sets) {
      for (const key of policies.of(id)) outdated.policies.add(key);
      for (const name of profiles.of(id)) outdated.profiles.add(name);
    }
  }

  private enterPolicy(key: string, policy: Policy | undefined, outdated: Outdated): void {
    const before = this.policies.get(key);
    if (policy === undefined) this.policies.delete(key);
    else this.policies.set(key, policy);
    outdated.policies.add(key);
    const rules = DIRECTIONS.flatMap((direction) => policy?.[direction] ?? []);
    this.setUsers.policies.set(key, setsOf(rules));
    if (isAskedAlike(before, policy)) return;
    for (const id of this.policyUsers.of(key)) outdated.rules.add(id);
  }

  private enterProfile(name: string, profile: Profile | undefined, outdated: Outdated): void {
    const known = this.profiles.has(name);
    if (profile === undefined) this.profiles.delete(name);
    else this.profiles.set(name, profile);
    outdated.profiles.add(name);
    this.setUsers.profiles.set(name, setsOf(DIRECTIONS.flatMap((direction) => profile?.[direction] ?? [])));
    if (known === (profile !== undefined)) return;
    for (const id of this.profileUsers.of(name)) outdated.rules.add(id);
  }

  private enterRules(id: string, rules: EndpointRules | undefined, outdated: Outdated): void {
    if (rules === undefined) this.rules.delete(id);
    else this.rules.set(id, rules);
    outdated.rules.add(id);
    this.policyUsers.set(id, new Set(rules?.tiers.flatMap(({ policies }) => policies)));
    this.profileUsers.set(id, rules === undefined ? NO_NAMES : new Set(rules.profiles));
  }

  private enterWorkloads(
    changes: ModelChanges['workloads'],
    { interfacePrefixes }: PolicySettings,
    outdated: Outdated,
  ): void {
    const families = this.workloads.spoofable.join();
    for (const [name, workload] of changes) {
      this.workloads.set(name, workload, (id) => this.rules.get(id));
      if (isStray(name, interfacePrefixes)) outdated.base = true;
    }
    if (this.workloads.spoofable.join() !== families) outdated.base = true;
  }

  private write(outdated: Outdated, settings: PolicySettings): void {
    const context = { sets: this.sets, logPrefix: settings.logPrefix };
    for (const key of outdated.policies) {
      const policy = this.policies.get(key);
      if (policy === undefined) this.chains.remove(`policy ${key}`);
      else this.chains.set(`policy ${key}`, policyChains(policy, context));
    }
    for (const name of outdated.profiles) {
      const profile = this.profiles.get(name);
      if (profile === undefined) this.chains.remove(`profile ${name}`);
      else this.chains.set(`profile ${name}`, profileChains(profile, context));
    }
    const judges = {
      policy: (key: string) => this.policies.get(key),
      hasProfile: (name: string) => this.profiles.has(name),
      settings,
    };
    for (const id of outdated.rules) {
      const rules = this.rules.get(id);
      if (rules === undefined) this.chains.remove(`rules ${id}`);
      else this.chains.set(`rules ${id}`, endpointChains(rules, judges));
    }
    if (outdated.base) {
      const { hosts, workloads } = this;
      const strays = workloads.strays(settings.interfacePrefixes);
      this.chains.set('base', baseChains({ settings, hosts, spoofable: workloads.spoofable, strays }));
    }
  }
}

/** Whether chains that ask the policy can stay as they are. */
function isAskedAlike(before: Policy | undefined, after: Policy | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return DIRECTIONS.every(
    (direction) =>
      (before[direction] === undefined) === (after[direction] === undefined) &&
      canPass(before, direction) === canPass(after, direction),
  );
}
