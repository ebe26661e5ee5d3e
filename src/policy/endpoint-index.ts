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
    if (before !== undefined && before.group === known && sameBesideLabels(before.endpoint, endpoint)) return undefined;
    const group = known ?? this.#addGroup(endpoint);
    const held = shared(endpoint, group);
    const placed: PlacedEndpoint = { endpoint: held, group };
    this.#byKey.set(held.key, placed);
    group.endpoints = withMember(group.endpoints, placed);
    for (const place of held.addresses) this.#places.add(place, placed);
    this.#sets.placed(placed);
    if (before !== undefined) this.#remove(before);
    return held;
  }

  /** False where there was none. */
  delete(key: string): boolean {
    const before = this.#byKey.get(key);
    if (before === undefined) return false;
    this.#byKey.delete(key);
    this.#remove(before);
    return true;
  }

  #remove(placed: PlacedEndpoint): void {
    const { endpoint, group } = placed;
    this.#sets.leaving(placed);
    for (const place of endpoint.addresses) this.#places.remove(place, placed);
    group.endpoints = withoutMember(group.endpoints, placed);
    if (group.endpoints !== undefined) return;
    this.#labels.removeGroup(group);
    this.#groups.delete(group);
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

/** An endpoint that holds what others of its group have as well only once. */
function shared(endpoint: Endpoint, { labels, profiles, endpoints }: EndpointGroup): Endpoint {
  const [neighbour] = membersOf(endpoints);
  const ports =
    neighbour !== undefined && samePorts(endpoint.ports, neighbour.endpoint.ports)
      ? neighbour.endpoint.ports
      : endpoint.ports;
  const places = endpoint.addresses;
  const addresses = places.length > 1 ? [...new Set(places)] : places;
  return { ...endpoint, labels, profiles, ports, addresses };
}

function sameBesideLabels(a: Endpoint, b: Endpoint): boolean {
  const [left, right] = [a, b].map(({ kind, name, namespace, node, addresses, local }) => ({
    kind,
    name,
    namespace,
    node,
    addresses: [...new Set(addresses)],
    local,
  }));
  return samePorts(a.ports, b.ports) && sameContent(left, right);
}

function samePorts(a: readonly EndpointPort[], b: readonly EndpointPort[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ name, protocol, port }, i) => {
    const other = b[i];
    return name === other.name && protocol === other.protocol && port === other.port;
  });
}
