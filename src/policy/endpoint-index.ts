/** All endpoints, and the sets that their labels and addresses make. */
import type { Labels, Selector } from '../resources/selector.ts';
import type { Endpoint, EndpointPort } from './endpoint.ts';
import { EndpointSets } from './endpoint-sets.ts';
import type { EndpointGroup, EndpointSet, PlacedEndpoint } from './endpoint-sets.ts';
import { membersOf, withMember, withoutMember } from './few.ts';
import { GroupTable } from './group-table.ts';
import { LabelIndex, NO_QUERIES } from './label-index.ts';
import { Places } from './places.ts';
import { sameContent } from './same-content.ts';

export class EndpointIndex {
  readonly #byKey = new Map<string, PlacedEndpoint>();
  readonly #groups = new GroupTable<EndpointGroup>();
  readonly #places = new Places<PlacedEndpoint>();
  readonly #sets = new EndpointSets(this.#places);
  readonly #labels = new LabelIndex<EndpointGroup, EndpointSet>(this.#sets);

  get size(): number {
    return this.#byKey.size;
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  get(key: string): Endpoint | undefined {
    return this.#byKey.get(key)?.endpoint;
  }

  *endpoints(): Generator<Endpoint> {
    for (const { endpoint } of this.#byKey.values()) yield endpoint;
  }

  /** Those that have the address, or a prefix that it lies in. */
  around(address: string): readonly Endpoint[] {
    return this.#places.around(address).map(({ endpoint }) => endpoint);
  }

  inherited(profiles: readonly string[]): readonly Labels[] {
    return this.#labels.inherited(profiles);
  }

  /** Takes the place of the endpoint of the same key. Returns what is held of it from now on; undefined: it is as it was. */
  put(endpoint: Endpoint): Endpoint | undefined {
    const before = this.#byKey.get(endpoint.key);
    const known = this.#groups.find(endpoint);
    if (before !== undefined && before.group === known) return this.#update(before, endpoint);
    const group = known ?? this.#addGroup(endpoint);
    const placed: PlacedEndpoint = { endpoint: shared(endpoint, group), group };
    this.#byKey.set(endpoint.key, placed);
    group.endpoints = withMember(group.endpoints, placed);
    this.#place(placed, placed.endpoint.addresses);
    if (before !== undefined) this.#remove(before);
    return placed.endpoint;
  }

  /** False where there was none. */
  delete(key: string): boolean {
    const before = this.#byKey.get(key);
    if (before === undefined) return false;
    this.#byKey.delete(key);
    this.#remove(before);
    return true;
  }

  /** With the same labels as before. Of a million addresses mostly few are different, and only these cost anything. */
  #update(placed: PlacedEndpoint, endpoint: Endpoint): Endpoint | undefined {
    const before = placed.endpoint;
    const after = shared(endpoint, placed.group);
    if (sameBesideLabels(before, after)) return undefined;
    // Ports come and go with all addresses.
    const isSame = samePorts(before.ports, after.ports);
    const [left, come] = isSame ? different(before.addresses, after.addresses) : [before.addresses, after.addresses];
    this.#unplace(placed, left);
    placed.endpoint = after;
    this.#place(placed, come);
    return after;
  }

  #remove(placed: PlacedEndpoint): void {
    const { endpoint, group } = placed;
    this.#unplace(placed, endpoint.addresses);
    group.endpoints = withoutMember(group.endpoints, placed);
    if (group.endpoints !== undefined) return;
    this.#labels.removeGroup(group);
    this.#groups.delete(group);
  }

  #place(placed: PlacedEndpoint, places: readonly string[]): void {
    for (const place of places) this.#places.add(place, placed);
    this.#sets.placed(placed, places);
  }

  #unplace(placed: PlacedEndpoint, places: readonly string[]): void {
    this.#sets.leaving(placed, places);
    for (const place of places) this.#places.remove(place, placed);
  }

  #addGroup({ labels, profiles }: Endpoint): EndpointGroup {
    const group: EndpointGroup = { labels, profiles, matched: NO_QUERIES, endpoints: undefined };
    this.#groups.add(group);
    this.#labels.addGroup(group);
    return group;
  }

  setProfile(name: string, labels: Labels | undefined): void {
    this.#labels.setProfile(name, labels);
  }

  /** Gives the set its members, and keeps them from now on. */
  addSet(set: EndpointSet): void {
    this.#labels.addQuery(set);
  }

  removeSet(set: EndpointSet): void {
    this.#labels.removeQuery(set);
  }

  /** Whether the labels of an endpoint, its own and inherited ones, match. */
  matches(selector: Selector, { labels, profiles }: Endpoint): boolean {
    return selector.matches(labels, this.inherited(profiles));
  }
}

/** What only the first list has, and what only the second has. Costs little where the lists are long and mostly the same. */
function different(a: readonly string[], b: readonly string[]): readonly [readonly string[], readonly string[]] {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  return [left.filter((one) => !inRight.has(one)), right.filter((one) => !inLeft.has(one))];
}

/** An endpoint that holds what others of its group have as well only once. */
function shared(endpoint: Endpoint, { labels, profiles, endpoints }: EndpointGroup): Endpoint {
  const [neighbour] = membersOf(endpoints);
  const ports =
    neighbour !== undefined && samePorts(endpoint.ports, neighbour.endpoint.ports)
      ? neighbour.endpoint.ports
      : endpoint.ports;
  const places = endpoint.addresses;
  // Those of sets are many, and each there once.
  const addresses = places.length > 1 && endpoint.kind !== 'set' ? [...new Set(places)] : places;
  return { ...endpoint, labels, profiles, ports, addresses };
}

function sameBesideLabels(a: Endpoint, b: Endpoint): boolean {
  return (
    a.kind === b.kind &&
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.node === b.node &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => address === b.addresses[i]) &&
    samePorts(a.ports, b.ports) &&
    sameContent(a.local, b.local)
  );
}

function samePorts(a: readonly EndpointPort[], b: readonly EndpointPort[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ name, protocol, port }, i) => {
    const other = b[i];
    return name === other.name && protocol === other.protocol && port === other.port;
  });
}
