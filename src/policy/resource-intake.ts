/** Sorts resources into the tables to which they belong, and takes them out of these again. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind, ResourceOf } from '../resources/kinds.ts';
import { closedPolicy, compilePolicy } from './compile-policy.ts';
import type { PolicyResource } from './compile-policy.ts';
import {
  compileProfile,
  namespaceProfile,
  namespaceProfileName,
  serviceAccountProfile,
  serviceAccountProfileName,
} from './compile-profile.ts';
import type { EndpointIndex } from './endpoint-index.ts';
import { endpointOf } from './endpoint-of.ts';
import type { EndpointResource } from './endpoint-of.ts';
import type { PolicyTable } from './policy-table.ts';
import type { PolicyProblem } from './problem.ts';
import type { ProfileTable } from './profile-table.ts';
import type { ServiceIndex } from './service-index.ts';
import { serviceSlice } from './service-slice.ts';
import type { SettingsSource } from './settings-source.ts';
import type { TierTable } from './tier-table.ts';
import { compileTier } from './tiers.ts';

export interface IntakeTables {
  readonly endpoints: EndpointIndex;
  readonly services: ServiceIndex;
  readonly profiles: ProfileTable;
  readonly policies: PolicyTable;
  readonly tiers: TierTable;
  readonly settings: SettingsSource;
  /** Told of policies that say something else than before. */
  policyChanged(key: string): void;
}

interface Identity {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
}

const SETTINGS = ['FelixConfiguration', 'IPPool', 'BGPConfiguration', 'ClusterInformation'] as const;
const PROFILES = ['Profile', 'Namespace', 'ServiceAccount'] as const;
const ENDPOINTS = ['Pod', 'WorkloadEndpoint', 'HostEndpoint', 'NetworkSet', 'GlobalNetworkSet'] as const;
const POLICIES = ['NetworkPolicy', 'GlobalNetworkPolicy', 'KubernetesNetworkPolicy'] as const;

/**
 * In which order a snapshot is read: first what says how others are read, last the policies, when what they pick is known. Of
 * other kinds nothing is needed.
 */
const PHASES: readonly (readonly Kind[])[] = [
  SETTINGS,
  ['Tier', ...PROFILES],
  [...ENDPOINTS, 'EndpointSlice'],
  POLICIES,
];
const PHASE_OF: ReadonlyMap<Kind, number> = new Map(
  PHASES.flatMap((kinds, phase) => kinds.map((kind) => [kind, phase] as const)),
);

export class ResourceIntake {
  readonly #node: string;
  readonly #tables: IntakeTables;
  /** What is in the tables, except for endpoints, which know that themselves. */
  readonly #known = new Map<string, Identity>();
  readonly #problems = new Map<string, readonly PolicyProblem[]>();
  /** Of what could not be taken in, which takes a defect. */
  readonly #failures = new Map<string, PolicyProblem>();
  /** Pods of this node, whose interfaces have names by a setting. */
  readonly #localPods = new Map<string, ResourceOf<'Pod'>>();
  #interfacePrefix: string;

  constructor(node: string, tables: IntakeTables) {
    this.#node = node;
    this.#tables = tables;
    this.#interfacePrefix = prefixOf(tables);
  }

  /** See PolicyEngine.snapshot. */
  snapshot(resources: Iterable<AnyResource>, isAll: boolean): void {
    if (isAll) this.#failures.clear();
    const phases: AnyResource[][] = PHASES.map(() => []);
    for (const resource of resources) phases[PHASE_OF.get(resource.kind) ?? -1]?.push(resource);
    if (isAll && (this.#known.size > 0 || this.#tables.endpoints.size > 0)) this.#deleteOthers(phases.flat());
    for (const phase of phases) {
      // From the end on, each is let go of before the next one takes memory.
      phase.reverse();
      for (let resource = phase.pop(); resource !== undefined; resource = phase.pop()) this.#put(resource);
      this.settle();
    }
  }

  change(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'upsert') this.#put(change.resource);
      else this.#delete(change);
    }
  }

  /** Reads again what was read by settings that are not the same any more. */
  settle(): void {
    const prefix = prefixOf(this.#tables);
    if (prefix === this.#interfacePrefix) return;
    this.#interfacePrefix = prefix;
    for (const pod of this.#localPods.values()) this.#putEndpoint(pod);
  }

  /** Those of policies and profiles, and what could not be taken in. */
  *problems(): Generator<PolicyProblem> {
    yield* this.#failures.values();
    for (const problems of this.#problems.values()) yield* problems;
  }

  #deleteOthers(resources: readonly AnyResource[]): void {
    const ids = new Set(resources.map((resource) => idOf(identityOf(resource))));
    for (const [id, identity] of this.#known) if (!ids.has(id)) this.#delete(identity);
    for (const key of this.#tables.endpoints.keys()) if (!ids.has(key)) this.#deleteEndpoint(key);
  }

  /** One that cannot be taken in must neither hold back the others nor let anything pass. */
  #put(resource: AnyResource): void {
    try {
      if (this.#failures.size > 0) this.#failures.delete(idOf(identityOf(resource)));
      this.#take(resource);
    } catch (error) {
      this.#close(resource, error);
    }
  }

  #close({ kind, metadata }: AnyResource, error: unknown): void {
    const { namespace, name } = metadata;
    const identity = { kind, namespace, name };
    this.#delete(identity);
    const isPolicy = isIn(kind, POLICIES);
    if (isPolicy) {
      const policy = closedPolicy({ kind, metadata });
      this.#tables.policies.put(policy);
      this.#tables.policyChanged(policy.key);
      this.#known.set(idOf(identity), identity);
    }
    const consequence = isPolicy ? 'a policy that denies everything, before all others' : 'if it were not there';
    const reason = error instanceof Error ? error.message : String(error);
    this.#failures.set(idOf(identity), {
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      path: [],
      message: `cannot be taken in, and counts as ${consequence}: ${reason}`,
      severity: 'error',
    });
  }

  #take(resource: AnyResource): void {
    if (isOneOf(resource, ENDPOINTS)) {
      this.#putEndpoint(resource);
      return;
    }
    if (isOneOf(resource, POLICIES)) this.#putPolicy(resource);
    else if (isOneOf(resource, PROFILES)) this.#putProfile(resource);
    else if (isOneOf(resource, SETTINGS)) this.#tables.settings.put(resource);
    else if (resource.kind === 'Tier') this.#tables.tiers.set(resource.metadata.name, compileTier(resource));
    else if (resource.kind === 'EndpointSlice') this.#putSlice(resource);
    else return;
    const identity = identityOf(resource);
    this.#known.set(idOf(identity), identity);
  }

  #putEndpoint(resource: EndpointResource): void {
    const { endpoints, policies } = this.#tables;
    const endpoint = endpointOf(resource, { node: this.#node, interfacePrefix: this.#interfacePrefix });
    if (endpoint === undefined) {
      this.#deleteEndpoint(idOf(identityOf(resource)));
      return;
    }
    const { key } = endpoint;
    if (endpoint.local !== undefined && resource.kind === 'Pod') this.#localPods.set(key, resource);
    else this.#localPods.delete(key);
    const held = endpoints.put(endpoint);
    if (held === undefined) return;
    if (held.local === undefined) policies.deleteLocal(key);
    else policies.putLocal(held);
  }

  #deleteEndpoint(key: string): void {
    this.#localPods.delete(key);
    if (this.#tables.endpoints.delete(key)) this.#tables.policies.deleteLocal(key);
  }

  #putPolicy(resource: PolicyResource): void {
    const { policy, problems } = compilePolicy(resource);
    this.#note(resource, problems);
    if (this.#tables.policies.put(policy)) this.#tables.policyChanged(policy.key);
  }

  #putSlice(resource: ResourceOf<'EndpointSlice'>): void {
    const slice = serviceSlice(resource);
    if (slice === undefined) this.#tables.services.delete(idOf(identityOf(resource)));
    else this.#tables.services.put(slice);
  }

  #putProfile(resource: ResourceOf<'Profile' | 'Namespace' | 'ServiceAccount'>): void {
    const { profiles } = this.#tables;
    if (resource.kind === 'Profile') {
      const { profile, problems } = compileProfile(resource);
      this.#note(resource, problems);
      profiles.set('written', profile.name, profile);
      return;
    }
    const profile = resource.kind === 'Namespace' ? namespaceProfile(resource) : serviceAccountProfile(resource);
    profiles.set('derived', profile.name, profile);
  }

  #note(resource: AnyResource, problems: readonly PolicyProblem[]): void {
    const id = idOf(identityOf(resource));
    if (problems.length > 0) this.#problems.set(id, problems);
    else this.#problems.delete(id);
  }

  #delete(identity: Identity): void {
    const id = idOf(identity);
    this.#failures.delete(id);
    this.#deleteEndpoint(id);
    if (!this.#known.delete(id)) return;
    this.#problems.delete(id);
    const { kind, namespace = '', name } = identity;
    const { policies, profiles, services, tiers, settings } = this.#tables;
    if (isIn(kind, POLICIES)) {
      const key = `${name}/${namespace}/${kind}`;
      policies.delete(key);
      this.#tables.policyChanged(key);
    } else if (isIn(kind, SETTINGS)) settings.delete(kind, name);
    else if (kind === 'Tier') tiers.set(name, undefined);
    else if (kind === 'EndpointSlice') services.delete(id);
    else if (kind === 'Profile') profiles.set('written', name, undefined);
    else if (kind === 'Namespace') profiles.set('derived', namespaceProfileName(name), undefined);
    else profiles.set('derived', serviceAccountProfileName(namespace, name), undefined);
  }
}

function isOneOf<K extends Kind>(resource: AnyResource, kinds: readonly K[]): resource is ResourceOf<K> {
  return isIn(resource.kind, kinds);
}

function isIn<K extends Kind>(kind: Kind, kinds: readonly K[]): kind is K {
  const all: readonly Kind[] = kinds;
  return all.includes(kind);
}

/** As keys of endpoints are. */
function idOf({ kind, namespace = '', name }: Identity): string {
  return `${kind} ${namespace}/${name}`;
}

function identityOf({ kind, metadata: { namespace, name } }: AnyResource): Identity {
  return { kind, namespace, name };
}

function prefixOf({ settings }: IntakeTables): string {
  return settings.settings.interfacePrefixes.join(',');
}
