/** Services with their EndpointSlices, whichever of them comes or goes first. */
import type { Family } from '../net/family.ts';
import type { Service } from './advertisement-rule.ts';
import type { Claim } from './claimed-prefixes.ts';
import type { EndpointCounts } from './default-rules.ts';
import { countEndpoints, familyCounts, familyOfSlice, sameCounts } from './endpoint-counts.ts';
import type { EndpointSlice, FamilyCounts, SliceCounts } from './endpoint-counts.ts';
import type { ServiceContext } from './service-context.ts';
import type { ServicePlan } from './service-plan.ts';

/** Label of an EndpointSlice that names its Service. */
const SERVICE_NAME = 'kubernetes.io/service-name';

const NO_COUNTS: SliceCounts = [];

interface Slice {
  resource: EndpointSlice;
  readonly owner: ServiceEntry;
  /** Undefined for host names, which count for nothing. */
  family: Family | undefined;
  counts: SliceCounts;
}

/** A name under which there is a Service, or a slice for one. */
export interface ServiceEntry {
  /** `namespace/name`. */
  readonly key: string;
  service: Service | undefined;
  readonly slices: Set<Slice>;
  /** Undefined until it is worked out, or where what it follows from is different now. */
  plan: ServicePlan | undefined;
  /** What it claims now. */
  claims: readonly Claim[];
}

/** Each change says which service it is about; undefined where nothing of it counts. */
export class ServiceIndex {
  readonly #entries = new Map<string, ServiceEntry>();
  /** By namespace and name of the slice. */
  readonly #slices = new Map<string, Slice>();
  #context: ServiceContext | undefined;
  /** What a service without endpoints has of them. */
  #none: FamilyCounts | undefined;
  #services = 0;
  #endpoints = 0;

  get entries(): Iterable<ServiceEntry> {
    return this.#entries.values();
  }

  get services(): number {
    return this.#services;
  }

  /** Those of all slices, of both families. */
  get endpoints(): number {
    return this.#endpoints;
  }

  /** The entry of a service that there is. */
  get(key: string): ServiceEntry | undefined {
    const entry = this.#entries.get(key);
    return entry?.service === undefined ? undefined : entry;
  }

  putService(service: Service): ServiceEntry | undefined {
    const entry = this.#entry(keyOf(service.metadata));
    if (entry.service === service) return undefined;
    if (entry.service === undefined) this.#services++;
    entry.service = service;
    entry.plan = undefined;
    return entry;
  }

  deleteService(key: string): ServiceEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.service === undefined) return undefined;
    this.#services--;
    entry.service = undefined;
    entry.plan = undefined;
    this.#forget(entry);
    return entry;
  }

  /** The services whose endpoints are different: two where a slice is another's now. */
  putSlice(resource: EndpointSlice): readonly ServiceEntry[] {
    const key = keyOf(resource.metadata);
    const slice = this.#slices.get(key);
    const owner = ownerKey(resource);
    if (slice?.resource === resource) return [];
    if (slice !== undefined && slice.owner.key === owner) return this.#update(slice, resource) ? [slice.owner] : [];
    const left = this.deleteSlice(key);
    const affected = left === undefined ? [] : [left];
    if (owner === undefined) return affected;
    const entry = this.#entry(owner);
    const added: Slice = { resource, owner: entry, family: undefined, counts: NO_COUNTS };
    this.#slices.set(key, added);
    entry.slices.add(added);
    return this.#update(added, resource) ? [...affected, entry] : affected;
  }

  deleteSlice(key: string): ServiceEntry | undefined {
    const slice = this.#slices.get(key);
    if (slice === undefined) return undefined;
    this.#slices.delete(key);
    slice.owner.slices.delete(slice);
    if (slice.family !== undefined) this.#endpoints -= slice.resource.spec.endpoints.length;
    this.#forget(slice.owner);
    return slice.owner;
  }

  /** Leaves out all but these, by namespace and name; tells the services that are different for it. */
  retain(services: ReadonlySet<string>, slices: ReadonlySet<string>): readonly ServiceEntry[] {
    const deleted = [
      ...Array.from(this.#entries.keys(), (key) => (services.has(key) ? undefined : this.deleteService(key))),
      ...Array.from(this.#slices.keys(), (key) => (slices.has(key) ? undefined : this.deleteSlice(key))),
    ];
    return deleted.filter((entry) => entry !== undefined);
  }

  /** Counts all endpoints anew, for another context; the services for which that makes a difference. */
  recount(context: ServiceContext): ReadonlySet<ServiceEntry> {
    this.#context = context;
    this.#none = familyCounts([], context);
    const affected = new Set<ServiceEntry>();
    for (const slice of this.#slices.values()) {
      if (slice.family === undefined) continue;
      const counts = countEndpoints(slice.resource, context);
      if (sameCounts(counts, slice.counts)) continue;
      slice.counts = counts;
      affected.add(slice.owner);
    }
    return affected;
  }

  /** The endpoints of a service, by family. */
  countsOf({ slices }: ServiceEntry, context: ServiceContext): EndpointCounts {
    const of = (family: Family) => {
      const counts: SliceCounts[] = [];
      for (const slice of slices) if (slice.family === family) counts.push(slice.counts);
      return counts.length === 0 && this.#none !== undefined ? this.#none : familyCounts(counts, context);
    };
    return [of(0), of(1)];
  }

  #entry(key: string): ServiceEntry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { key, service: undefined, slices: new Set(), plan: undefined, claims: [] };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #forget({ key, service, slices }: ServiceEntry): void {
    if (service === undefined && slices.size === 0) this.#entries.delete(key);
  }

  /** Takes another content of a slice; whether that makes a difference. */
  #update(slice: Slice, resource: EndpointSlice): boolean {
    const { family, counts } = slice;
    if (family !== undefined) this.#endpoints -= slice.resource.spec.endpoints.length;
    slice.resource = resource;
    slice.family = familyOfSlice(resource);
    if (slice.family !== undefined) this.#endpoints += resource.spec.endpoints.length;
    if (this.#context === undefined) return false;
    slice.counts = slice.family === undefined ? NO_COUNTS : countEndpoints(resource, this.#context);
    return slice.family !== family || !sameCounts(counts, slice.counts);
  }
}

/** `namespace/name`. */
export function keyOf({ namespace = '', name }: { readonly namespace?: string | undefined; readonly name: string }) {
  return `${namespace}/${name}`;
}

function ownerKey({ metadata: { namespace, labels } }: EndpointSlice): string | undefined {
  return Object.hasOwn(labels, SERVICE_NAME) ? keyOf({ namespace, name: labels[SERVICE_NAME] }) : undefined;
}
