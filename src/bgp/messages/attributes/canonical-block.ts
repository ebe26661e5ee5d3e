/**
 * From the attributes of an UPDATE to the canonical attribute block of its routes, with the verdict of RFC 7606. The slow
 * path: run once for each distinct block.
 */
import { familyOf } from '../../../net/family.ts';
import { ByteWriter } from '../byte-writer.ts';
import { readU16, toHex } from '../bytes.ts';
import { BgpError } from '../error.ts';
import {
  ERROR_UPDATE,
  UPDATE_MALFORMED_ATTRIBUTE_LIST,
  UPDATE_OPTIONAL_ATTRIBUTE,
  UPDATE_UNRECOGNIZED_WELL_KNOWN,
} from '../notification-codes.ts';
import { writeFourOctetAggregator, writeFourOctetPath } from './as4-merge.ts';
import * as code from './attribute-codes.ts';
import type { DecodeContext, FaultAction } from './attribute-row.ts';
import { ATTRIBUTE_BY_CODE } from './attribute-table.ts';
import { checkedAttributeEnd, valueStart, writeAttribute } from './attribute-walk.ts';
import { isNextHopLength } from './next-hop.ts';

/** An UPDATE can hold thousands of faulty attributes; telling the first is enough. */
const MAX_FAULTS = 16;

/**
 * The attributes of a route without NLRI, as all of the daemon but the decoder reads them. Attributes and their order are
 * those received, except:
 * AS_PATH and AGGREGATOR have 4-octet AS numbers and AS4_PATH and AS4_AGGREGATOR are merged into them (RFC 6793 §4.2.3);
 * MP_REACH_NLRI is the stub that `rawBlock` writes; MP_UNREACH_NLRI, repeated attributes and those that RFC 7606 or their
 * own RFC discard are absent; unknown transitive attributes have the Partial bit (RFC 4271 §9), and unused flag bits are 0.
 *
 * Reusable: {@link canonicalise} overwrites it.
 */
export class CanonicalBlock extends ByteWriter {
  /** Whether the block is the same as the bytes it was made from. */
  unchanged = true;
  /** `withdraw`: the routes are to be treated as withdrawn (RFC 7606 §2), and the bytes mean nothing. */
  verdict: 'ok' | 'withdraw' = 'ok';
  /** What was wrong, in words, one entry for each attribute discarded or at fault; of very many the first. */
  faults: string[] = [];
  /** 1 for each attribute code met. */
  readonly seen = new Uint8Array(256);
  /** Scratch for one value. */
  readonly value = new ByteWriter();

  /** Empties the block. */
  reset(): void {
    this.length = 0;
    this.unchanged = true;
    this.verdict = 'ok';
    if (this.faults.length > 0) this.faults = [];
    this.seen.fill(0);
  }

  /** Notes what is wrong and what follows from it. */
  fault(what: string, action: FaultAction): void {
    if (action === 'withdraw') this.verdict = 'withdraw';
    if (this.faults.length === MAX_FAULTS) return;
    this.faults.push(`${what}: ${action === 'withdraw' ? 'routes treated as withdrawn' : 'attribute discarded'}`);
  }
}

/** What becomes of one attribute. */
const KEEP = 0;
const DROP = 1;
const REWRITE = 2;
type Fate = typeof KEEP | typeof DROP | typeof REWRITE;

/**
 * Checks the raw block `raw[start, end)` (as `rawBlock` writes it, or in place for an UPDATE without MP_REACH_NLRI) and makes
 * the canonical one in `out`. All attributes are looked at, so that the strongest action wins (RFC 7606 §3 h).
 * Throws {@link BgpError} 3/x where the session has to be reset.
 */
export function canonicalise(
  raw: Uint8Array,
  start: number,
  end: number,
  context: DecodeContext,
  out: CanonicalBlock,
): void {
  walk(raw, start, end, context, out);
  for (const mandatory of [code.ORIGIN, code.AS_PATH]) requireAttribute(mandatory, out);
  if (out.seen[code.MP_REACH_NLRI] === 0) requireAttribute(code.NEXT_HOP, out);
}

/**
 * As {@link canonicalise} for the attributes of an UPDATE that announces nothing: any fault that is not answered by discarding the
 * attribute throws {@link BgpError} 3/1, because the routes it was meant for can't be known (RFC 7606 §5.2).
 */
export function checkUnusedAttributes(
  raw: Uint8Array,
  start: number,
  end: number,
  context: DecodeContext,
  out: CanonicalBlock,
): void {
  walk(raw, start, end, context, out);
  if (out.verdict === 'withdraw')
    throw new BgpError(
      ERROR_UPDATE,
      UPDATE_MALFORMED_ATTRIBUTE_LIST,
      `an UPDATE without NLRI: ${out.faults.join('; ')}`,
    );
}

function walk(raw: Uint8Array, start: number, end: number, context: DecodeContext, out: CanonicalBlock): void {
  out.reset();
  // Attributes are copied in runs that end where one is dropped or rewritten.
  let runStart = start;
  let at = start;
  while (at < end) {
    const next = checkedAttributeEnd(raw, at, end);
    if (next < 0) {
      out.fault('the attribute list ends within an attribute', 'withdraw');
      break;
    }
    const fate = judge(raw, at, next, context, out);
    if (fate !== KEEP) {
      out.unchanged = false;
      out.append(raw, runStart, at);
      runStart = next;
      if (fate === REWRITE) rewrite(raw, at, next, start, end, context, out);
    }
    at = next;
  }
  out.append(raw, runStart, at);
}

/** RFC 7606 §3 d. */
function requireAttribute(attribute: number, out: CanonicalBlock): void {
  if (out.seen[attribute] === 0) out.fault(`${nameOf(attribute)} is missing`, 'withdraw');
}

function nameOf(attribute: number): string {
  return ATTRIBUTE_BY_CODE[attribute]?.name ?? `attribute ${attribute}`;
}

function judge(raw: Uint8Array, at: number, next: number, context: DecodeContext, out: CanonicalBlock): Fate {
  const attribute = raw[at + 1];
  if (out.seen[attribute] !== 0) return judgeRepeated(attribute, out);
  const row = ATTRIBUTE_BY_CODE[attribute];
  const flags = raw[at];
  if (row === undefined) {
    out.seen[attribute] = 1;
    return judgeUnknown(raw, at, next);
  }
  if (attribute === code.MP_REACH_NLRI && !isSpokenReach(raw, at, next)) return DROP;
  out.seen[attribute] = 1;
  if (row.internalOnly && context.external) {
    out.fault(`${row.name} from an external peer`, 'discard');
    return DROP;
  }
  const wrongFlags = (flags & (code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE)) !== row.flags;
  const value = valueStart(raw, at);
  const wrong = wrongFlags ? `flags 0x${toHex(raw.subarray(at, at + 1))}` : row.check(raw, value, next, context);
  if (wrong !== undefined) {
    out.fault(`${row.name}: ${wrong}`, wrongFlags ? row.onFlagsError : row.onError);
    return DROP;
  }
  switch (attribute) {
    case code.MP_UNREACH_NLRI:
      return DROP;
    case code.AS4_PATH:
    case code.AS4_AGGREGATOR:
      // RFC 6793 §4.1: a peer with 4-octet AS numbers doesn't send them.
      if (context.fourOctetAs) out.fault(`${row.name} from a peer with 4-octet AS numbers`, 'discard');
      return DROP;
    case code.NEXT_HOP:
      // RFC 4760 §3: ignored next to MP_REACH_NLRI.
      return out.seen[code.MP_REACH_NLRI] === 0 ? keepFlags(flags) : DROP;
    case code.MP_REACH_NLRI:
      return isStub(raw, at, next) ? KEEP : REWRITE;
    case code.AS_PATH:
    case code.AGGREGATOR:
      return context.fourOctetAs || value === next ? keepFlags(flags) : REWRITE;
    default:
      return keepFlags(flags);
  }
}

/** RFC 4271 §4.3: the lower four bits are sent as 0 and ignored when received. */
function keepFlags(flags: number): Fate {
  return (flags & 0x0f) === 0 ? KEEP : REWRITE;
}

/** RFC 7606 §3 g. */
function judgeRepeated(attribute: number, out: CanonicalBlock): Fate {
  if (attribute === code.MP_REACH_NLRI || attribute === code.MP_UNREACH_NLRI) {
    throw new BgpError(ERROR_UPDATE, UPDATE_MALFORMED_ATTRIBUTE_LIST, `${nameOf(attribute)} stands in an UPDATE twice`);
  }
  out.fault(`${nameOf(attribute)} repeated`, 'discard');
  return DROP;
}

/** RFC 4271 §6.3, §9. */
function judgeUnknown(raw: Uint8Array, at: number, next: number): Fate {
  const flags = raw[at];
  if ((flags & code.FLAG_OPTIONAL) === 0) {
    throw new BgpError(
      ERROR_UPDATE,
      UPDATE_UNRECOGNIZED_WELL_KNOWN,
      `well-known attribute ${raw[at + 1]} is unknown`,
      raw.slice(at, next),
    );
  }
  if ((flags & code.FLAG_TRANSITIVE) === 0) return DROP;
  return (flags & code.FLAG_PARTIAL) === 0 ? REWRITE : keepFlags(flags);
}

/**
 * Whether an MP_REACH_NLRI is of a family the daemon speaks. Throws {@link BgpError} 3/9 where it is too short, or its next
 * hop has the wrong length (RFC 7606 §5.3, §7.11); after `parseUpdate` neither happens.
 */
function isSpokenReach(raw: Uint8Array, at: number, next: number): boolean {
  const value = valueStart(raw, at);
  const sound = next - value >= 5 && value + 5 + raw[value + 3] <= next;
  const family = sound ? familyOf(readU16(raw, value), raw[value + 2]) : undefined;
  if (!sound || (family !== undefined && !isNextHopLength(family, raw[value + 3]))) {
    throw new BgpError(ERROR_UPDATE, UPDATE_OPTIONAL_ATTRIBUTE, 'MP_REACH_NLRI is malformed', raw.slice(at, next));
  }
  return family !== undefined;
}

/** Whether an MP_REACH_NLRI is as `rawBlock` writes it. */
function isStub(raw: Uint8Array, at: number, next: number): boolean {
  return raw[at] === code.FLAG_OPTIONAL && next === at + 8 + raw[at + 6] && raw[next - 1] === 0;
}

/** Appends the canonical form of the sound attribute `raw[at, next)` of the block `raw[start, end)`. */
function rewrite(
  raw: Uint8Array,
  at: number,
  next: number,
  start: number,
  end: number,
  context: DecodeContext,
  out: CanonicalBlock,
): void {
  const attribute = raw[at + 1];
  const value = valueStart(raw, at);
  const flags = raw[at] & 0xf0;
  const scratch = out.value;
  scratch.length = 0;
  if (attribute === code.MP_REACH_NLRI) {
    scratch.append(raw, value, value + 4 + raw[value + 3]);
    scratch.u8(0);
    writeAttribute(out, code.FLAG_OPTIONAL, attribute, scratch.bytes, 0, scratch.length);
  } else if (attribute === code.AS_PATH && !context.fourOctetAs) {
    writeFourOctetPath(raw, value, next, start, end, scratch);
    writeAttribute(out, flags, attribute, scratch.bytes, 0, scratch.length);
  } else if (attribute === code.AGGREGATOR && !context.fourOctetAs) {
    writeFourOctetAggregator(raw, value, start, end, scratch);
    writeAttribute(out, flags, attribute, scratch.bytes, 0, scratch.length);
  } else {
    const unknown = ATTRIBUTE_BY_CODE[attribute] === undefined;
    const flagsAt = out.length;
    out.append(raw, at, next);
    out.bytes[flagsAt] = unknown ? flags | code.FLAG_PARTIAL : flags;
  }
}
