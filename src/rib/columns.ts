/**
 * Growth of the typed arrays that tables are made of. Rows are dense numbers; capacity grows by halves so that a full
 * table keeps little room to spare.
 */

/** A typed array that can serve as a column. */
type Column = Uint8Array | Uint16Array | Uint32Array | Float32Array;

/** The capacity to grow to so that `needed` rows fit: at least half as much again as now. */
export function grownCapacity(current: number, needed: number): number {
  return Math.max(needed, current + (current >>> 1), 64);
}

/** A copy of `column` with room for `capacity` rows, the new ones zero. */
export function growColumn<C extends Column>(column: C, capacity: number): C {
  const grown = new (column.constructor as new (length: number) => C)(capacity);
  grown.set(column);
  return grown;
}

/** A stack of u32 numbers that grows as needed: free lists, dirty lists. */
export class U32Stack {
  length = 0;
  items: Uint32Array;

  constructor(capacity = 64) {
    this.items = new Uint32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) {
      this.items = growColumn(this.items, grownCapacity(this.length, this.length + 1));
    }
    this.items[this.length++] = value;
  }

  /** The last number pushed; must not be called on an empty stack. */
  pop(): number {
    return this.items[--this.length];
  }

  /** Takes the first `count` numbers out, the oldest ones. */
  dropFirst(count: number): void {
    this.items.copyWithin(0, count, this.length);
    this.length -= count;
  }

  clear(): void {
    this.length = 0;
  }
}
