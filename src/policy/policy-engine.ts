/**
 * From the resources of the cluster to what the kernel of this node should hold. Decisions follow from what is there now, never
 * from what was: any order of changes leads to the same. Resources are not kept.
 */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { Labels } from '../resources/selector.ts';
import { EndpointIndex } from './endpoint-index.ts';
import type { Endpoint } from './endpoint.ts';
import type { HostInterface } from './host-interfaces.ts';
import { LocalModel } from './local-model.ts';
import type { EndpointRules, Layer, ModelChanges } from './model.ts';
import { missingReferents } from './missing-referents.ts';
import { PolicyTable } from './policy-table.ts';
import type { Policy, Profile, Tier } from './policy.ts';
import type { PolicyOverrides } from './policy-settings.ts';
import type { PolicyProblem } from './problem.ts';
import { ProfileTable } from './profile-table.ts';
import { comparePolicies, compareTiers } from './resolve-rules.ts';
import { ResourceIntake } from './resource-intake.ts';
import type { SetLookup } from './rule-match.ts';
import type { Direction } from './rule.ts';
import { RulesInUse } from './rules-in-use.ts';
import { sameContent } from './same-content.ts';
import { ServiceIndex } from './service-index.ts';
import { SetTable } from './set-table.ts';
import { SettingsSource } from './settings-source.ts';
import type { PolicySettings } from './settings.ts';
import { TierTable } from './tier-table.ts';

export interface PolicyEngineOptions {
  /** Endpoints of this node are enforced. */
  readonly node: string;
  /** What the configuration of the node says. */
  readonly settings?: PolicyOverrides;
}

/** How much there is. Of what is in use, as of the last take. */
export interface PolicyCounts {
  readonly policies: number;
  /** Policies that rules of this node's endpoints name. */
  readonly activePolicies: number;
  readonly tiers: number;
  readonly profiles: number;
  readonly endpoints: number;
  /** Interfaces of workloads. */
  readonly localWorkloads: number;
  readonly localHosts: number;
  /** Sets that rules name, and the members of all of them. */
  readonly sets: number;
  readonly members: number;
}

export class PolicyEngine {
  readonly #endpoints = new EndpointIndex();
  readonly #services = new ServiceIndex();
  readonly #sets = new SetTable(this.#endpoints, this.#services);
  readonly #profiles = new ProfileTable((name, before, after) => this.#profileChanged(name, before, after));
  readonly #policies = new PolicyTable((key) => this.#local.affected(key));
  readonly #tiers = new TierTable((name) => this.#policies.tierChanged(name));
  readonly #rules: RulesInUse;
  readonly #local: LocalModel;
  readonly #settings: SettingsSource;
  readonly #intake: ResourceIntake;

  constructor({ node, settings = {} }: PolicyEngineOptions) {
    const named = { policy: (key: string) => this.policy(key), profile: (name: string) => this.profile(name) };
    this.#rules = new RulesInUse(named, this.#sets);
    this.#local = new LocalModel(this.#policies, this.#rules, (name) => this.#tiers.get(name));
    this.#settings = new SettingsSource(node, settings);
    this.#intake = new ResourceIntake(node, {
      endpoints: this.#endpoints,
      services: this.#services,
      profiles: this.#profiles,
      policies: this.#policies,
      tiers: this.#tiers,
      settings: this.#settings,
      policyChanged: (key) => this.#rules.policyChanged(key),
    });
  }

  /**
   * All resources that there are or, not `isAll`, those that no change told of before. Only what is different from before is a change.
   * None is held, not even until the end.
   */
  snapshot(resources: Iterable<AnyResource>, isAll = true): void {
    this.#intake.snapshot(resources, isAll);
  }

  /** Differences, in order. Costs as much as what they are about. */
  change(changes: readonly Change[]): void {
    this.#intake.change(changes);
  }

  /** The interfaces of this node, by whose addresses HostEndpoints may be for them. */
  setInterfaces(interfaces: readonly HostInterface[]): void {
    this.#local.setInterfaces(interfaces);
  }

  /** Replaces what the configuration of the node says. */
  configure(settings: PolicyOverrides): void {
    this.#settings.configure(settings);
  }

  /** What is different from what was taken before; undefined where nothing is. */
  take(): ModelChanges | undefined {
    this.#intake.settle();
    const settings = this.#settings.take();
    const changes: ModelChanges = { ...this.#local.take(), ...this.#rules.take(), settings };
    return isEmpty(changes) ? undefined : changes;
  }

  /** What is wrong with resources beyond what their own schema says. As of the last take. */
  get problems(): readonly PolicyProblem[] {
    const missing = missingReferents(this.#policies.entries(), {
      isTier: (name) => this.#tiers.get(name) !== undefined,
      isService: (service) => this.#services.isKnown(service),
    });
    return [
      ...this.#settings.problems,
      ...this.#intake.problems(),
      ...missing,
      ...this.#local.problems(this.interfacePrefixes),
    ];
  }

  /** What the names of workloads' interfaces begin with. */
  get interfacePrefixes(): readonly string[] {
    return this.#settings.settings.interfacePrefixes;
  }

  get counts(): PolicyCounts {
    return {
      policies: this.#policies.size,
      activePolicies: this.#rules.policyCount,
      tiers: this.#tiers.size,
      profiles: this.#profiles.size,
      endpoints: this.#endpoints.size,
      localWorkloads: this.#local.workloads,
      localHosts: this.#local.hosts,
      sets: this.#sets.size,
      members: this.#sets.members,
    };
  }

  // For explanations

  endpoints(): Iterable<Endpoint> {
    return this.#endpoints.endpoints();
  }

  endpoint(key: string): Endpoint | undefined {
    return this.#endpoints.get(key);
  }

  /** Endpoints that have the address (canonical text), and sets with a prefix that it lies in. */
  endpointsAt(address: string): readonly Endpoint[] {
    return this.#endpoints.around(address);
  }

  /** Labels by which selectors judge it: its own, and those that it has from its profiles. */
  labelsOf({ labels, profiles }: Endpoint): Labels {
    return Object.assign({}, ...this.#endpoints.inherited(profiles).toReversed(), labels);
  }

  /** What is asked of an endpoint, be it of this node or not. */
  rulesOf(endpoint: Endpoint, direction: Direction, layer: Layer): EndpointRules {
    return this.#local.rulesOf(endpoint, layer, direction);
  }

  /** In the order in which they are asked. */
  policies(): readonly PolicyListing[] {
    const tierOf = (name: string) => this.#tiers.get(name);
    return Array.from(this.#policies.entries(), ({ policy, picked }) => ({
      policy,
      endpoints: picked.size,
      tier: tierOf(policy.tier),
    })).sort((a, b) => compareTiers(a.policy.tier, b.policy.tier, tierOf) || comparePolicies(a.policy, b.policy));
  }

  policy(key: string): Policy | undefined {
    return this.#policies.get(key);
  }

  profile(name: string): Profile | undefined {
    return this.#profiles.get(name);
  }

  /** What counts for the node as a whole. */
  get settings(): PolicySettings {
    return this.#settings.settings;
  }

  /** Members of any set, be it in use here or not. */
  get lookup(): SetLookup {
    return this.#sets;
  }

  #profileChanged(name: string, before: Profile | undefined, after: Profile | undefined): void {
    this.#rules.profileChanged(name);
    if (sameContent(before?.labels, after?.labels)) return;
    this.#endpoints.setProfile(name, after?.labels);
    this.#policies.setProfile(name, after?.labels);
  }
}

/** A policy, how many endpoints of this node it picks, and its tier, where that exists. */
export interface PolicyListing {
  readonly policy: Policy;
  readonly endpoints: number;
  readonly tier: Tier | undefined;
}

function isEmpty({ sets, policies, profiles, rules, workloads, hosts, departed, settings }: ModelChanges): boolean {
  const tables = [policies, profiles, rules, workloads, hosts];
  return settings === undefined && sets.length + departed.length === 0 && tables.every(({ size }) => size === 0);
}
