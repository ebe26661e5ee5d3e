/** Sets that rules in use name: each once however many rules name it, gone with the last of them. */
import { parseSelector } from '../resources/selector.ts';
import type { EndpointIndex } from './endpoint-index.ts';
import { portsOf } from './endpoint-sets.ts';
import type { EndpointSet } from './endpoint-sets.ts';
import type { SetChange } from './model.ts';
import type { SetLookup } from './rule-match.ts';
import type { Rule, RuleEnd, SetSpec } from './rule.ts';
import type { ServiceIndex, ServiceSet } from './service-index.ts';
import { TrackedSet } from './tracked-set.ts';

type KeptSet = EndpointSet | ServiceSet;

interface Entry {
  readonly kept: KeptSet;
  uses: number;
}

export class SetTable implements SetLookup {
  readonly #endpoints: EndpointIndex;
  readonly #services: ServiceIndex;
  readonly #entries = new Map<string, Entry>();
  readonly #dirty = new Set<TrackedSet>();
  /** Of those that nobody used at some time since the last take. */
  readonly #idle = new Set<Entry>();

  constructor(endpoints: EndpointIndex, services: ServiceIndex) {
    this.#endpoints = endpoints;
    this.#services = services;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Of all sets together. */
  get members(): number {
    let sum = 0;
    for (const { kept } of this.#entries.values()) sum += kept.members.size;
    return sum;
  }

  /** The rules name sets from now on. */
  use(rules: Iterable<Rule>): void {
    for (const spec of setsOf(rules)) {
      let entry = this.#entries.get(spec.id);
      if (entry === undefined) {
        entry = { kept: this.#keep(spec), uses: 0 };
        this.#entries.set(spec.id, entry);
      }
      entry.uses++;
    }
  }

  /** Takes back one {@link use} of the same rules. */
  release(rules: Iterable<Rule>): void {
    for (const { id } of setsOf(rules)) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && --entry.uses === 0) this.#idle.add(entry);
    }
  }

  take(): SetChange[] {
    const changes: SetChange[] = [];
    for (const { kept, uses } of this.#idle) {
      if (uses > 0) continue;
      this.#drop(kept);
      const gone = kept.members.takeGone();
      if (gone !== undefined) changes.push(gone);
    }
    this.#idle.clear();
    for (const members of this.#dirty) {
      const change = members.take();
      if (change !== undefined) changes.push(change);
    }
    this.#dirty.clear();
    return changes;
  }

  hasAddress(set: SetSpec, address: string): boolean {
    if (set.kind === 'ports') return false;
    if (set.kind === 'service') return !set.withPorts && this.#services.has(set, address);
    const selector = parseSelector(set.selector);
    return this.#endpoints.around(address).some((endpoint) => this.#endpoints.matches(selector, endpoint));
  }

  hasPort(set: SetSpec, address: string, protocol: number, port: number): boolean {
    if (set.kind === 'addresses') return false;
    if (set.kind === 'service') {
      return set.withPorts && this.#services.has(set, `${address} ${protocol} ${port}`);
    }
    if (set.protocol !== protocol) return false;
    const selector = parseSelector(set.selector);
    return this.#endpoints
      .around(address)
      .some((endpoint) => portsOf(endpoint, set).includes(port) && this.#endpoints.matches(selector, endpoint));
  }

  #keep(spec: SetSpec): KeptSet {
    const members = new TrackedSet(spec, this.#dirty);
    if (spec.kind === 'service') {
      const set: ServiceSet = { spec, members, counts: new Map() };
      this.#services.addSet(set);
      return set;
    }
    const set: EndpointSet = { spec, members, selector: parseSelector(spec.selector), prefixes: new Set() };
    this.#endpoints.addSet(set);
    return set;
  }

  #drop(kept: KeptSet): void {
    this.#entries.delete(kept.spec.id);
    this.#dirty.delete(kept.members);
    if ('counts' in kept) this.#services.removeSet(kept);
    else this.#endpoints.removeSet(kept);
  }
}

/** Every set that rules name, as often as they do. */
function* setsOf(rules: Iterable<Rule>): Generator<SetSpec> {
  for (const { source, destination } of rules) {
    yield* setsOfEnd(source);
    yield* setsOfEnd(destination);
  }
}

function* setsOfEnd({ in: within, notIn, ports, notPorts }: RuleEnd): Generator<SetSpec> {
  if (within !== undefined) yield within;
  if (notIn !== undefined) yield notIn;
  if (ports !== undefined) yield* ports.sets;
  if (notPorts !== undefined) yield* notPorts.sets;
}
