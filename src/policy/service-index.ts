/** Where Services are served, and the sets of that: addresses, or addresses with ports, that slices of endpoints count up. */
import type { SetSpec } from './rule.ts';
import type { TrackedSet } from './tracked-set.ts';

/** A part of a Service's endpoints, as an EndpointSlice has it. */
export interface ServiceSlice {
  /** One of a kind. */
  readonly key: string;
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly addresses: readonly string[];
  /** At each of the addresses. */
  readonly ports: readonly { readonly protocol: number; readonly port: number }[];
}

export interface ServiceSet {
  readonly spec: Extract<SetSpec, { kind: 'service' }>;
  readonly members: TrackedSet;
  /** In how many slices each member is. */
  readonly counts: Map<string, number>;
}

interface Service {
  readonly slices: Map<string, ServiceSlice>;
  readonly sets: Set<ServiceSet>;
}

export class ServiceIndex {
  readonly #slices = new Map<string, ServiceSlice>();
  readonly #services = new Map<string, Service>();

  put(slice: ServiceSlice): void {
    const before = this.#slices.get(slice.key);
    this.#slices.set(slice.key, slice);
    const service = this.#service(slice.service);
    service.slices.set(slice.key, slice);
    for (const set of service.sets) count(set, slice, 1);
    if (before !== undefined) this.#leave(before, before.service !== slice.service);
  }

  delete(key: string): void {
    const before = this.#slices.get(key);
    if (before === undefined) return;
    this.#slices.delete(key);
    this.#leave(before, true);
  }

  #leave(slice: ServiceSlice, isLast: boolean): void {
    const service = this.#service(slice.service);
    if (isLast) service.slices.delete(slice.key);
    for (const set of service.sets) count(set, slice, -1);
    this.#tidy(slice.service, service);
  }

  addSet(set: ServiceSet): void {
    const service = this.#service(serviceName(set.spec));
    service.sets.add(set);
    for (const slice of service.slices.values()) count(set, slice, 1);
  }

  removeSet(set: ServiceSet): void {
    const name = serviceName(set.spec);
    const service = this.#service(name);
    service.sets.delete(set);
    this.#tidy(name, service);
  }

  /** Whether there is a slice of a Service. */
  isKnown(spec: ServiceSet['spec']): boolean {
    return (this.#services.get(serviceName(spec))?.slices.size ?? 0) > 0;
  }

  /** Whether a member is in the set, be the set in use or not. */
  has(spec: ServiceSet['spec'], member: string): boolean {
    const slices = [...(this.#services.get(serviceName(spec))?.slices.values() ?? [])];
    return slices.some((slice) => membersOf(slice, spec.withPorts).includes(member));
  }

  #service(name: string): Service {
    let service = this.#services.get(name);
    if (service === undefined) this.#services.set(name, (service = { slices: new Map(), sets: new Set() }));
    return service;
  }

  #tidy(name: string, { slices, sets }: Service): void {
    if (slices.size === 0 && sets.size === 0) this.#services.delete(name);
  }
}

function serviceName({ namespace, name }: ServiceSet['spec']): string {
  return `${namespace}/${name}`;
}

function count({ spec, members, counts }: ServiceSet, slice: ServiceSlice, by: 1 | -1): void {
  for (const member of membersOf(slice, spec.withPorts)) {
    const before = counts.get(member) ?? 0;
    const after = before + by;
    if (after === 0) counts.delete(member);
    else counts.set(member, after);
    if (before === 0 || after === 0) members.flip(member, after > 0);
  }
}

function membersOf({ addresses, ports }: ServiceSlice, withPorts: boolean): readonly string[] {
  if (!withPorts) return addresses;
  return addresses.flatMap((address) => ports.map(({ protocol, port }) => `${address} ${protocol} ${port}`));
}
