/**
 * From the body of an UPDATE to Adj-RIB-In: the hot path in. Attribute blocks seen before are recognised by their bytes;
 * only new ones are decoded.
 */
import { CanonicalBlock, canonicalise, checkUnusedAttributes } from '../bgp/messages/attributes/canonical-block.ts';
import type { DecodeContext } from '../bgp/messages/attributes/attribute-row.ts';
import { countNlri } from '../bgp/messages/nlri.ts';
import {
  FAMILY_ABSENT,
  UpdateView,
  hasReachableNlri,
  isEndOfRib,
  parseUpdate,
  rawBlock,
} from '../bgp/messages/update.ts';
import { IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { HAS_LOCAL_PREF } from './attribute-sets.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { isEncodedMetric } from './local-preference.ts';
import type { LocalPrefScale } from './local-preference.ts';
import type { Rib } from './rib.ts';

/** What a session negotiated, as far as UPDATEs depend on it. */
export interface ReceiveContext extends DecodeContext {
  readonly families: readonly Family[];
  /** Of those, the ones whose prefixes have path identifiers (RFC 7911). */
  readonly addPaths: readonly Family[];
}

/** What an UPDATE was, for the session's counters; reused for every call. */
export interface Received {
  announced: number;
  withdrawn: number;
  /** Family whose End-of-RIB this was. */
  endOfRib: Family | undefined;
  /** What LOCAL_PREF is to the peer, by a route of its own; undefined where it told none. */
  localPrefScale: LocalPrefScale | undefined;
  /** What was wrong with attributes, in words; the routes were withdrawn or the attributes discarded (RFC 7606). */
  faults: readonly string[];
}

const NO_FAULTS: readonly string[] = [];

/** Longest attribute block: what an UPDATE can hold (RFC 8654). Paths of 2-octet AS numbers grow beyond that. */
const MAX_BLOCK = 0xffff;

export class UpdateReceiver {
  private readonly rib: Rib;
  private readonly view = new UpdateView();
  private readonly canonical = new CanonicalBlock();
  private scratch = new Uint8Array(4096);
  private readonly received: Received = {
    announced: 0,
    withdrawn: 0,
    endOfRib: undefined,
    localPrefScale: undefined,
    faults: NO_FAULTS,
  };

  constructor(rib: Rib) {
    this.rib = rib;
  }

  /**
   * Takes the UPDATE body `buffer[start, end)` of a peer in. Throws BgpError where the session has to be reset; nothing of
   * the UPDATE is taken in then.
   */
  receive(peer: number, buffer: Uint8Array, start: number, end: number, context: ReceiveContext): Received {
    const { view, received, rib } = this;
    parseUpdate(buffer, start, end, view);
    received.faults = NO_FAULTS;
    received.announced = 0;
    received.withdrawn = 0;
    received.localPrefScale = undefined;
    received.endOfRib = isEndOfRib(view);
    if (received.endOfRib !== undefined) return received;
    // All NLRI are checked before any is applied.
    const ids = context.addPaths.includes(IPV4_UNICAST);
    const withdrawn = countNlri(buffer, view.withdrawnStart, view.withdrawnEnd, IPV4_UNICAST, ids);
    const announced = countNlri(buffer, view.nlriStart, view.nlriEnd, IPV4_UNICAST, ids);
    const reach = this.multiprotocol(view.reachFamily, context);
    const unreach = this.multiprotocol(view.unreachFamily, context);
    const reached = count(buffer, view.reachNlriStart, view.reachNlriEnd, reach, context);
    const unreached = count(buffer, view.unreachNlriStart, view.unreachNlriEnd, unreach, context);
    const ipv4 = context.families.includes(IPV4_UNICAST);
    if (!hasReachableNlri(view)) this.checkUnused(buffer, context);

    if (withdrawn > 0 && ipv4) rib.withdraw(peer, IPV4_UNICAST, buffer, view.withdrawnStart, view.withdrawnEnd, ids);
    if (unreached > 0) {
      const { unreachNlriStart, unreachNlriEnd } = view;
      rib.withdraw(peer, unreach!, buffer, unreachNlriStart, unreachNlriEnd, context.addPaths.includes(unreach!));
    }
    received.withdrawn = withdrawn + unreached;
    if (announced > 0 && ipv4) this.apply(peer, IPV4_UNICAST, buffer, view.nlriStart, view.nlriEnd, context, false);
    if (reached > 0) this.apply(peer, reach!, buffer, view.reachNlriStart, view.reachNlriEnd, context, true);
    received.announced = announced + reached;
    return received;
  }

  /** RFC 7606 §5.2: faults in attributes that belong to no route can't be answered by withdrawing routes. */
  private checkUnused(buffer: Uint8Array, context: ReceiveContext): void {
    const { view, canonical } = this;
    if (view.attributesStart === view.attributesEnd) return;
    checkUnusedAttributes(buffer, view.attributesStart, view.attributesEnd, context, canonical);
    this.received.faults = canonical.faults;
  }

  /** The family of a multiprotocol attribute if it was negotiated; others are ignored (RFC 4760 §7). */
  private multiprotocol(family: number, context: ReceiveContext): Family | undefined {
    return family >= 0 && context.families.includes(family as Family) ? (family as Family) : undefined;
  }

  private apply(
    peer: number,
    family: Family,
    buffer: Uint8Array,
    nlriStart: number,
    nlriEnd: number,
    context: ReceiveContext,
    multiprotocol: boolean,
  ): void {
    const set = this.acquireSet(buffer, context, multiprotocol);
    const addPath = context.addPaths.includes(family);
    if (set === 0) {
      this.rib.withdraw(peer, family, buffer, nlriStart, nlriEnd, addPath);
      return;
    }
    this.received.localPrefScale = scaleOf(this.rib.sets, set) ?? this.received.localPrefScale;
    this.rib.announce(peer, family, buffer, nlriStart, nlriEnd, set, addPath);
    this.rib.sets.release(set);
  }

  /** The attribute set of one half of the UPDATE, with a reference; 0 for treat-as-withdraw (RFC 7606 §2). */
  private acquireSet(buffer: Uint8Array, context: ReceiveContext, multiprotocol: boolean): number {
    const { view, rib } = this;
    if (view.malformed !== undefined) {
      this.received.faults = [view.malformed];
      return 0;
    }
    let block = buffer;
    let start = view.attributesStart;
    let end = view.attributesEnd;
    if (multiprotocol || view.reachFamily !== FAMILY_ABSENT || view.unreachFamily !== FAMILY_ABSENT) {
      if (this.scratch.length < end - start + 64) this.scratch = new Uint8Array((end - start) * 2);
      end = rawBlock(buffer, view, this.scratch, multiprotocol);
      start = 0;
      block = this.scratch;
    }
    const bit = contextBit(context);
    const known = rib.sets.find(block, start, end, bit);
    return known === 0 ? this.decode(block, start, end, context, bit) : known;
  }

  private decode(block: Uint8Array, start: number, end: number, context: ReceiveContext, bit: number): number {
    const { canonical, rib } = this;
    canonicalise(block, start, end, context, canonical);
    if (canonical.faults.length > 0) this.received.faults = [...this.received.faults, ...canonical.faults];
    if (canonical.verdict === 'withdraw') return 0;
    if (canonical.length > MAX_BLOCK) {
      const what = `the attributes are too long with 4-octet AS numbers (${canonical.length} bytes)`;
      this.received.faults = [...this.received.faults, `${what}: routes treated as withdrawn`];
      return 0;
    }
    const set = rib.sets.acquire(canonical.bytes, 0, canonical.length);
    if (canonical.unchanged) rib.sets.markCanonical(set, bit);
    return set;
  }
}

/** Number of prefixes of a multiprotocol attribute, 0 for a family that was not negotiated. */
function count(
  buffer: Uint8Array,
  start: number,
  end: number,
  family: Family | undefined,
  context: ReceiveContext,
): number {
  return family === undefined ? 0 : countNlri(buffer, start, end, family, context.addPaths.includes(family));
}

/** Only what a peer in our AS originates itself, and nobody reflected, shows what LOCAL_PREF is to it. */
function scaleOf(sets: AttributeSets, set: number): LocalPrefScale | undefined {
  if ((sets.present[set] & HAS_LOCAL_PREF) === 0 || sets.pathLength[set] > 0) return undefined;
  if (sets.originatorId[set] !== 0) return undefined;
  // The least on both scales.
  if (sets.localPref[set] === 0) return undefined;
  return isEncodedMetric(sets.localPref[set]) ? 'metric' : 'plain';
}

/** One bit for each way to decode: 2- or 4-octet AS numbers, internal or external. */
function contextBit(context: DecodeContext): number {
  return 1 << ((context.fourOctetAs ? 1 : 0) + (context.external ? 2 : 0));
}
