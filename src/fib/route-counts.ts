/**
 * How many routes have an object of the kernel and want a group, for each such pair: what an object has to hold can be
 * decided from these few numbers, without a look at each of its routes.
 */

const INITIAL_SLOTS = 64;

/** Counts by object, group, and whether the route is an adopted one: a hash table with linear probing. */
export class RouteCounts {
  private objects = new Uint32Array(INITIAL_SLOTS);
  /** Twice the group, and one more for adopted routes. */
  private groups = new Uint32Array(INITIAL_SLOTS);
  private counts = new Uint32Array(INITIAL_SLOTS);
  /** Slots that hold a pair, be its count 0; a slot is free while its object is 0. */
  private used = 0;
  /** The slot of the last pair: neighbouring routes mostly have the same one. */
  private last = 0;

  /** Counts a route in (`by` 1) or out (-1); `object` is not 0. */
  add(object: number, group: number, adopted: boolean, by: 1 | -1): void {
    const key = 2 * group + (adopted ? 1 : 0);
    if (this.objects[this.last] !== object || this.groups[this.last] !== key) this.last = this.slot(object, key);
    this.counts[this.last] += by;
  }

  /** Calls `visit` for each pair that any route has. */
  forEach(visit: (object: number, group: number, adopted: boolean, count: number) => void): void {
    for (const [slot, count] of this.counts.entries()) {
      if (count > 0) visit(this.objects[slot], this.groups[slot] >>> 1, (this.groups[slot] & 1) === 1, count);
    }
  }

  private slot(object: number, key: number): number {
    const found = this.probe(object, key);
    if (this.objects[found] === object) return found;
    // Half full at most.
    if (2 * (this.used + 1) > this.objects.length) {
      this.rehash();
      return this.slot(object, key);
    }
    return this.occupy(found, object, key);
  }

  private occupy(slot: number, object: number, key: number): number {
    this.used++;
    this.objects[slot] = object;
    this.groups[slot] = key;
    return slot;
  }

  /** The slot of a pair, or the free one that it would get. */
  private probe(object: number, key: number): number {
    const mask = this.objects.length - 1;
    const mixed = Math.imul(object ^ Math.imul(key, 0x9e3779b1), 0x85ebca6b);
    let slot = (mixed ^ (mixed >>> 15)) & mask;
    while (this.objects[slot] !== 0 && (this.objects[slot] !== object || this.groups[slot] !== key)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Leaves out the pairs that no route has any more, and makes room if that is not enough. */
  private rehash(): void {
    const { objects, groups, counts } = this;
    const live = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    const size = 4 * live > objects.length ? 2 * objects.length : objects.length;
    this.objects = new Uint32Array(size);
    this.groups = new Uint32Array(size);
    this.counts = new Uint32Array(size);
    this.used = 0;
    for (const [slot, count] of counts.entries()) {
      if (count === 0) continue;
      this.counts[this.occupy(this.probe(objects[slot], groups[slot]), objects[slot], groups[slot])] = count;
    }
  }
}
