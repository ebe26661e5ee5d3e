/**
 * What a peer that reads a stream of messages believes: for tests of what is told to whom.
 */
import { decodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import { MP_REACH_NLRI } from '../../src/bgp/messages/attributes/attribute-codes.ts';
import { attributeEnd } from '../../src/bgp/messages/attributes/attribute-walk.ts';
import type { DecodeContext } from '../../src/bgp/messages/attributes/attribute-row.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { CanonicalBlock, canonicalise } from '../../src/bgp/messages/attributes/canonical-block.ts';
import { Framer, MESSAGE_UPDATE } from '../../src/bgp/messages/framing.ts';
import { UpdateView, isEndOfRib, parseUpdate, rawBlock } from '../../src/bgp/messages/update.ts';
import { formatPrefix, prefixFromBytes } from '../../src/net/prefix.ts';
import { readU32 } from '../../src/net/address.ts';
import { addressBytes } from '../../src/net/family.ts';
import type { Family } from '../../src/net/family.ts';

export class AdjRibInReader {
  /** Attributes by prefix, with the path identifier behind a space where there are any. */
  readonly routes = new Map<string, Attributes>();
  /** Families whose End-of-RIB came, in order. */
  readonly endOfRibs: Family[] = [];
  messages = 0;
  announced = 0;
  withdrawn = 0;
  /** Withdrawals of prefixes that were not announced before. */
  needless = 0;
  /** Announcements that say what was said before. */
  repeated = 0;
  private readonly framer = new Framer();
  private readonly view = new UpdateView();
  private readonly canonical = new CanonicalBlock();
  private readonly scratch = new Uint8Array(70_000);
  private readonly context: DecodeContext;
  private readonly addPaths: readonly Family[];
  /** Attributes decoded before, by their bytes. */
  private readonly decoded = new Map<string, Attributes>();

  /** `addPaths` are the families in which there are path identifiers. */
  constructor(
    maxMessage = 4096,
    context: DecodeContext = { fourOctetAs: true, external: false },
    addPaths: readonly Family[] = [],
  ) {
    this.framer.maxLength = maxMessage;
    this.context = context;
    this.addPaths = addPaths;
  }

  feed(bytes: Uint8Array): void {
    this.framer.feed(bytes, (type, buffer, start, end) => {
      if (type !== MESSAGE_UPDATE) throw new Error(`message of type ${type}`);
      this.update(buffer, start, end);
    });
  }

  private update(buffer: Uint8Array, start: number, end: number): void {
    const { view } = this;
    this.messages++;
    parseUpdate(buffer, start, end, view);
    if (view.malformed !== undefined) throw new Error(view.malformed);
    const family = isEndOfRib(view);
    if (family !== undefined) {
      this.endOfRibs.push(family);
      return;
    }
    for (const prefix of this.nlri(buffer, view.withdrawnStart, view.withdrawnEnd, 0)) this.withdraw(prefix);
    if (view.unreachFamily >= 0) {
      const gone = this.nlri(buffer, view.unreachNlriStart, view.unreachNlriEnd, view.unreachFamily as Family);
      for (const prefix of gone) this.withdraw(prefix);
    }
    this.announce(buffer, false, this.nlri(buffer, view.nlriStart, view.nlriEnd, 0));
    if (view.reachFamily < 0) return;
    this.announce(buffer, true, this.nlri(buffer, view.reachNlriStart, view.reachNlriEnd, view.reachFamily as Family));
  }

  private announce(buffer: Uint8Array, multiprotocol: boolean, prefixes: readonly string[]): void {
    if (prefixes.length === 0) return;
    const { scratch } = this;
    const length = rawBlock(buffer, this.view, scratch, multiprotocol);
    canonicalise(scratch, 0, length, this.context, this.canonical);
    // Nothing is told that the peer would have to find fault with.
    if (this.canonical.faults.length > 0) throw new Error(this.canonical.faults.join());
    const { bytes } = this.canonical;
    if (!inOrder(bytes, this.canonical.length)) throw new Error('attributes out of order');
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, this.canonical.length).toString('latin1');
    let attributes = this.decoded.get(key);
    if (attributes === undefined) {
      this.decoded.set(key, (attributes = decodeAttributes(bytes, 0, this.canonical.length)));
    }
    for (const prefix of prefixes) {
      if (this.routes.get(prefix) === attributes) this.repeated++;
      this.routes.set(prefix, attributes);
    }
    this.announced += prefixes.length;
  }

  private nlri(buffer: Uint8Array, start: number, end: number, family: Family): string[] {
    return nlri(buffer, start, end, family, this.addPaths.includes(family));
  }

  private withdraw(prefix: string): void {
    this.withdrawn++;
    if (!this.routes.delete(prefix)) this.needless++;
  }
}

/** Whether the codes of attributes ascend (RFC 4271 §5), but for MP_REACH_NLRI at the front (RFC 7606 §5.1). */
function inOrder(block: Uint8Array, length: number): boolean {
  let last = 0;
  for (let at = 0; at < length; at = attributeEnd(block, at)) {
    const code = block[at + 1];
    if (code < last) return false;
    last = at === 0 && code === MP_REACH_NLRI ? 0 : code;
  }
  return true;
}

/** Texts of prefixes seen before, by family and bytes. */
const texts: readonly Map<string, string>[] = [new Map(), new Map()];

function nlri(buffer: Uint8Array, start: number, end: number, family: Family, addPath: boolean): string[] {
  const prefixes: string[] = [];
  for (let at = start; at < end;) {
    const id = addPath ? ` ${readU32(buffer, at)}` : '';
    if (addPath) at += 4;
    const length = buffer[at++];
    const count = (length + 7) >> 3;
    const key = String.fromCharCode(length, ...buffer.subarray(at, at + count));
    let text = texts[family].get(key);
    if (text === undefined) {
      const bytes = new Uint8Array(addressBytes(family));
      bytes.set(buffer.subarray(at, at + count));
      texts[family].set(key, (text = formatPrefix(prefixFromBytes(family, bytes, length))));
    }
    at += count;
    prefixes.push(text + id);
  }
  return prefixes;
}
