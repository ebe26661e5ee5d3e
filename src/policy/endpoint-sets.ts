/**
 * The members of sets that endpoints make. Nothing is counted: who has an address, and whether its labels match, says whether
 * a set has it, so that an address which two have stays until the last of them leaves.
 */
import type { Selector } from '../resources/selector.ts';
import type { Endpoint } from './endpoint.ts';
import { membersOf } from './few.ts';
import type { Few } from './few.ts';
import type { LabelGroup, MatchListener } from './label-index.ts';
import { isPrefix } from './places.ts';
import type { Places } from './places.ts';
import type { SetSpec } from './rule.ts';
import type { TrackedSet } from './tracked-set.ts';

/** A set in use whose members are addresses of endpoints, or ports at them. */
export interface EndpointSet {
  readonly selector: Selector;
  readonly spec: Exclude<SetSpec, { kind: 'service' }>;
  readonly members: TrackedSet;
  /** All prefixes that it has; the members are only those that lie in no other. */
  readonly prefixes: Set<string>;
}

/** Endpoints that have the same labels and profiles. */
export interface EndpointGroup extends LabelGroup<EndpointSet> {
  endpoints: Few<PlacedEndpoint>;
}

export interface PlacedEndpoint {
  endpoint: Endpoint;
  readonly group: EndpointGroup;
}

export class EndpointSets implements MatchListener<EndpointGroup, EndpointSet> {
  readonly #places: Places<PlacedEndpoint>;

  constructor(places: Places<PlacedEndpoint>) {
    this.#places = places;
  }

  matched(group: EndpointGroup, set: EndpointSet): void {
    this.#tellOfGroup(group, set, true);
  }

  unmatched(group: EndpointGroup, set: EndpointSet): void {
    this.#tellOfGroup(group, set, false);
  }

  /** An endpoint came to places, which have it already. */
  placed(placed: PlacedEndpoint, places: readonly string[]): void {
    for (const set of placed.group.matched) this.#tell(placed, places, set, true);
  }

  /** An endpoint is about to leave places, which have it still. */
  leaving(placed: PlacedEndpoint, places: readonly string[]): void {
    for (const set of placed.group.matched) this.#tell(placed, places, set, false);
  }

  #tellOfGroup({ endpoints }: EndpointGroup, set: EndpointSet, present: boolean): void {
    for (const placed of membersOf(endpoints)) this.#tell(placed, placed.endpoint.addresses, set, present, true);
  }

  /**
   * Tells a set what comes or goes with an endpoint at places. Where it is one of a group that comes or goes as a whole, of those
   * at one place the first does so first.
   */
  #tell(
    placed: PlacedEndpoint,
    places: readonly string[],
    set: EndpointSet,
    present: boolean,
    isWholeGroup = false,
  ): void {
    for (const place of places) {
      const holders = this.#places.at(place);
      const others = holders.length === 1 ? NOBODY : this.#others(holders, placed, set, isWholeGroup);
      if (set.spec.kind === 'addresses') {
        if (others.length === 0) this.#flip(set, place, present);
        continue;
      }
      for (const port of portsOf(placed.endpoint, set.spec)) {
        if (others.some(({ endpoint }) => portsOf(endpoint, set.spec).includes(port))) continue;
        set.members.flip(`${place} ${set.spec.protocol} ${port}`, present);
      }
    }
  }

  /** Who else brings a set what is at a place. */
  #others(
    holders: readonly PlacedEndpoint[],
    placed: PlacedEndpoint,
    set: EndpointSet,
    isWholeGroup: boolean,
  ): readonly PlacedEndpoint[] {
    const at = holders.indexOf(placed);
    return holders.filter((other, i) => {
      if (i === at) return false;
      return isWholeGroup && other.group === placed.group ? i < at : other.group.matched.includes(set);
    });
  }

  #flip({ members, prefixes }: EndpointSet, place: string, present: boolean): void {
    if (!isPrefix(place)) {
      members.flip(place, present);
      return;
    }
    if (present) prefixes.add(place);
    else prefixes.delete(place);
    if (this.#places.prefixesAround(place).some((outer) => prefixes.has(outer))) return;
    members.flip(place, present);
    for (const inner of this.#places.widestWithin(place, (prefix) => prefixes.has(prefix))) {
      members.flip(inner, !present);
    }
  }
}

const NOBODY: readonly PlacedEndpoint[] = [];

/** The numbers of an endpoint's ports that a set is of, each once. */
export function portsOf({ ports }: Endpoint, spec: EndpointSet['spec']): readonly number[] {
  if (spec.kind !== 'ports') return [];
  const numbers = ports.filter(({ name, protocol }) => name === spec.port && protocol === spec.protocol);
  return numbers.length < 2 ? numbers.map(({ port }) => port) : [...new Set(numbers.map(({ port }) => port))];
}
