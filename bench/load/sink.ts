/** The receiving end of a benchmark: counts the prefixes that stand announced with a wanted path. */
import type { UpdateListener } from '../../test/support/bgp/speaker.ts';
import { SLOTS } from './routes.ts';
import type { PrefixTable } from './routes.ts';

/** Finds the number of a prefix in its table. */
export class PrefixIndex {
  private readonly bySlot = new Int32Array(SLOTS).fill(-1);
  private readonly lengths: Uint8Array;
  readonly size: number;

  constructor(table: PrefixTable) {
    this.lengths = table.lengths;
    this.size = table.lengths.length;
    for (let i = 0; i < this.size; i++) this.bySlot[table.addresses[i] >>> 8] = i;
  }

  /** The prefix's number, or -1 where it is not of this table. */
  find(address: number, length: number): number {
    const id = this.bySlot[address >>> 8];
    return id >= 0 && this.lengths[id] === length ? id : -1;
  }
}

/** The AS path of an UPDATE, as much as a benchmark looks at. */
export interface SeenPath {
  /** The nearest AS, 0 for an empty path. */
  first: number;
  second: number;
  /** The origin AS. */
  last: number;
}

const AS_PATH = 2;
const EXTENDED_LENGTH = 0x10;

/** Reads the AS path (four-octet numbers, one AS_SEQUENCE) out of the attributes between `at` and `end`. */
function readPath(buffer: Buffer, at: number, end: number, into: SeenPath): void {
  into.first = into.second = into.last = 0;
  while (at < end) {
    const long = (buffer[at] & EXTENDED_LENGTH) !== 0;
    const length = long ? buffer.readUInt16BE(at + 2) : buffer[at + 2];
    const start = at + (long ? 4 : 3);
    if (buffer[at + 1] === AS_PATH) {
      if (length < 6) return;
      into.first = buffer.readUInt32BE(start + 2);
      into.second = length < 10 ? 0 : buffer.readUInt32BE(start + 6);
      into.last = buffer.readUInt32BE(start + length - 4);
      return;
    }
    at = start + length;
  }
}

/** Says whether a path is the wanted one. */
export type PathTest = (path: Readonly<SeenPath>) => boolean;

/** Counts which prefixes of a table one neighbour announces with the wanted path. */
export class Sink {
  /** Prefixes that stand announced with the wanted path. */
  count = 0;
  /** Prefixes announced or withdrawn that are not of the table. */
  strangers = 0;
  /** Called after each UPDATE. */
  onChange: () => void = () => undefined;

  /** Prefixes from here to before {@link ignoreEnd} are the neighbour's own and don't count. */
  ignoreFrom = 0;
  ignoreEnd = 0;

  /** Whether prefixes have path identifiers in front (RFC 7911). */
  addPaths = false;

  private readonly index: PrefixIndex;
  private readonly wanted: Uint8Array;
  private readonly path: SeenPath = { first: 0, second: 0, last: 0 };
  private test: PathTest;

  constructor(index: PrefixIndex, test: PathTest) {
    this.index = index;
    this.test = test;
    this.wanted = new Uint8Array(index.size);
  }

  /** Starts to count anew, for another path. */
  restart(test: PathTest): void {
    this.test = test;
    this.wanted.fill(0);
    this.count = 0;
  }

  /** Resolves as soon as `target` prefixes stand announced with the wanted path. */
  reach(target: number): Promise<void> {
    return new Promise((resolve) => {
      this.onChange = () => {
        if (this.count >= target) resolve();
      };
      this.onChange();
    });
  }

  /** Hears the UPDATEs of a speaker. */
  readonly listener: UpdateListener = (buffer, start, end) => {
    const withdrawnEnd = start + 2 + buffer.readUInt16BE(start);
    this.mark(buffer, start + 2, withdrawnEnd, 0);
    const attributesEnd = withdrawnEnd + 2 + buffer.readUInt16BE(withdrawnEnd);
    if (attributesEnd < end) {
      readPath(buffer, withdrawnEnd + 2, attributesEnd, this.path);
      this.mark(buffer, attributesEnd, end, this.test(this.path) ? 1 : 0);
    }
    this.onChange();
  };

  private mark(buffer: Buffer, at: number, end: number, value: 0 | 1): void {
    while (at < end) {
      if (this.addPaths) at += 4;
      const length = buffer[at];
      const octets = (length + 7) >> 3;
      let address = 0;
      for (let i = 0; i < octets; i++) address |= buffer[at + 1 + i] << (24 - 8 * i);
      at += 1 + octets;
      const id = this.index.find(address >>> 0, length);
      if (id < 0) {
        this.strangers++;
        continue;
      }
      if (id >= this.ignoreFrom && id < this.ignoreEnd) continue;
      this.count += value - this.wanted[id];
      this.wanted[id] = value;
    }
  }
}
