/** What is told of the endpoints of this node: at which interface which rules are asked. */
import type { Endpoint } from './endpoint.ts';
import { outsideOfPrefixes, takenBy } from './endpoint-problem.ts';
import { HostInterfaces } from './host-interfaces.ts';
import type { HostInterface } from './host-interfaces.ts';
import type { EndpointRules, Layer, LocalHost, LocalWorkload, ModelChanges } from './model.ts';
import type { PolicyTable } from './policy-table.ts';
import type { PolicyProblem } from './problem.ts';
import { compareText, resolveRules } from './resolve-rules.ts';
import type { TierLookup } from './resolve-rules.ts';
import { WorkloadAddresses } from './workload-addresses.ts';
import type { Direction } from './rule.ts';
import { tell } from './rules-in-use.ts';
import type { RulesInUse } from './rules-in-use.ts';

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** The layers of a host, and in which directions they judge: before addresses are translated, only what comes in is seen. */
const HOST_LAYERS: readonly (readonly [Exclude<Layer, 'workload'>, readonly Direction[]])[] = [
  ['host', DIRECTIONS],
  ['forward', DIRECTIONS],
  ['preDNAT', ['ingress']],
  ['untracked', DIRECTIONS],
];

export class LocalModel {
  readonly #policies: PolicyTable;
  readonly #rules: RulesInUse;
  readonly #tierOf: TierLookup;
  /** Keys of endpoints. */
  readonly #dirty = new Set<string>();
  /** The interfaces of workloads, and all that claim one, by key. */
  readonly #interfaces = new Map<string, string>();
  readonly #claims = new Map<string, Set<string>>();
  readonly #addresses = new WorkloadAddresses();
  readonly #hosts = new HostInterfaces();
  readonly #toldWorkloads = new Map<string, LocalWorkload>();
  readonly #toldHosts = new Map<string, LocalHost>();

  constructor(policies: PolicyTable, rules: RulesInUse, tierOf: TierLookup) {
    this.#policies = policies;
    this.#rules = rules;
    this.#tierOf = tierOf;
  }

  get workloads(): number {
    return this.#toldWorkloads.size;
  }

  get hosts(): number {
    return this.#hosts.size;
  }

  /** Something of an endpoint of this node is different, or other policies count for it, or it came or went. */
  affected(key: string): void {
    this.#dirty.add(key);
  }

  setInterfaces(interfaces: readonly HostInterface[]): void {
    this.#hosts.setInterfaces(interfaces);
  }

  /** All rules that are asked of an endpoint, be it of this node or not, in a layer and direction. */
  rulesOf(endpoint: Endpoint, layer: Layer, direction: Direction): EndpointRules {
    return resolveRules(endpoint, { layer, direction }, this.#policies.picking(endpoint), this.#tierOf);
  }

  take(): Pick<ModelChanges, 'workloads' | 'hosts' | 'departed'> {
    const touched = new Set<string>();
    for (const key of this.#dirty) {
      const endpoint = this.#policies.local(key);
      this.#hosts.set(key, endpoint?.kind === 'host' ? endpoint : undefined);
      const before = this.#interfaces.get(key);
      const workload = endpoint?.kind === 'workload' ? endpoint : undefined;
      const after = workload?.local?.interfaceName;
      this.#addresses.set(key, workload?.addresses ?? []);
      if (before !== after) this.#claim(key, before, after);
      for (const name of [before, after]) if (name !== undefined) touched.add(name);
    }
    this.#dirty.clear();
    const workloads = new Map<string, LocalWorkload | undefined>();
    for (const name of touched) this.#tellWorkload(name, workloads);
    const hosts = new Map<string, LocalHost | undefined>();
    const owners = this.#hosts.take();
    if (owners !== undefined) {
      for (const name of new Set([...this.#toldHosts.keys(), ...owners.keys()])) {
        this.#tellHost(name, owners.get(name), hosts);
      }
    }
    return { workloads, hosts, departed: this.#addresses.takeDeparted() };
  }

  /** Endpoints that are not enforced, or not from the beginning. As of the last take. */
  *problems(interfacePrefixes: readonly string[]): Generator<PolicyProblem> {
    for (const { endpoint } of this.#policies.locals()) yield* outsideOfPrefixes(endpoint, interfacePrefixes);
    for (const [name, claims] of this.#claims) {
      if (claims.size < 2) continue;
      const [owner, ...others] = this.#endpointsOf(claims);
      for (const other of others) yield takenBy(other, name, owner);
    }
    yield* this.#hosts.problems();
  }

  #claim(key: string, before: string | undefined, after: string | undefined): void {
    if (before !== undefined) {
      const claims = this.#claims.get(before);
      claims?.delete(key);
      if (claims?.size === 0) this.#claims.delete(before);
    }
    if (after === undefined) {
      this.#interfaces.delete(key);
      return;
    }
    this.#interfaces.set(key, after);
    const claims = this.#claims.get(after);
    if (claims === undefined) this.#claims.set(after, new Set([key]));
    else claims.add(key);
  }

  /** The first of them by key has the interface. */
  #endpointsOf(claims: Iterable<string>): readonly Endpoint[] {
    return [...claims].sort(compareText).flatMap((key) => this.#policies.local(key) ?? []);
  }

  #tellWorkload(interfaceName: string, changes: Map<string, LocalWorkload | undefined>): void {
    const before = this.#toldWorkloads.get(interfaceName);
    const owner = this.#endpointsOf(this.#claims.get(interfaceName) ?? []).at(0);
    const now =
      owner === undefined
        ? undefined
        : {
            interfaceName,
            endpoint: owner.key,
            ingress: this.#use(this.rulesOf(owner, 'workload', 'ingress')),
            egress: this.#use(this.rulesOf(owner, 'workload', 'egress')),
            spoofable: owner.local?.spoofable ?? [],
          };
    tell(changes, this.#toldWorkloads, interfaceName, now);
    if (before === undefined) return;
    this.#rules.release(before.ingress);
    this.#rules.release(before.egress);
  }

  #tellHost(interfaceName: string, owner: Endpoint | undefined, changes: Map<string, LocalHost | undefined>): void {
    const before = this.#toldHosts.get(interfaceName);
    const now = owner === undefined ? undefined : { interfaceName, endpoint: owner.key, rules: this.#hostRules(owner) };
    tell(changes, this.#toldHosts, interfaceName, now);
    for (const byDirection of Object.values(before?.rules ?? {})) {
      for (const id of Object.values(byDirection)) this.#rules.release(id);
    }
  }

  #hostRules(owner: Endpoint): LocalHost['rules'] {
    const all: Partial<Record<Exclude<Layer, 'workload'>, Partial<Record<Direction, string>>>> = {};
    for (const [layer, directions] of HOST_LAYERS) {
      const byDirection: Partial<Record<Direction, string>> = {};
      for (const direction of directions) {
        const rules = this.rulesOf(owner, layer, direction);
        // Only of what a host's own processes send and get something is decided also where no policy is about it.
        if (layer === 'host' || rules.tiers.length > 0) byDirection[direction] = this.#use(rules);
      }
      if (Object.keys(byDirection).length > 0) all[layer] = byDirection;
    }
    return all;
  }

  #use(rules: EndpointRules): string {
    this.#rules.use(rules);
    return rules.id;
  }
}
