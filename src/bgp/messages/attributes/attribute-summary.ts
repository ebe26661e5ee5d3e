/**
 * What the best-path decision and the default rules read of an attribute block, as plain numbers.
 */
import { readU32 } from '../../../net/address.ts';
import { AS_SEQUENCE, AS_SET } from './as-path.ts';
import * as code from './attribute-codes.ts';
import { readLinkBandwidth } from './extended-communities.ts';
import { attributeEnd, findAttribute, isOwnLabel, valueStart } from './attribute-walk.ts';
import * as communities from './communities.ts';

/** Bits of {@link AttributeSummary.wellKnown}: communities that the daemon acts on. */
export const NO_EXPORT = 1;
export const NO_ADVERTISE = 2;
export const NO_EXPORT_SUBCONFED = 4;
export const GRACEFUL_SHUTDOWN = 8;
export const LLGR_STALE = 16;
export const NO_LLGR = 32;
export const BLACKHOLE = 64;

/** Reusable result of {@link summarise}. */
export class AttributeSummary {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin = 0;
  /** RFC 4271 §9.1.2.2 (a): an AS_SET counts 1; confederation segments count 0 (RFC 5065 §5.3). */
  pathLength = 0;
  /** First AS of the path where it begins with an AS_SEQUENCE, else 0. */
  neighbourAs = 0;
  hasMed = false;
  med = 0;
  hasLocalPref = false;
  localPref = 0;
  /** Where the next hop stands, relative to the start of the block. */
  nextHopOffset = 0;
  /** 4, 16 or 32 bytes; 0 where there is none. */
  nextHopLength = 0;
  /** 0 where there is none. */
  originatorId = 0;
  clusterListLength = 0;
  /** {@link NO_EXPORT} and the other bits. */
  wellKnown = 0;
  hasAsSet = false;
  /** Link bandwidth in bytes per second, -1 where there is none. */
  bandwidth = -1;
  /** See `Attributes.label`; 0 where there is none. */
  label = 0;
}

/** Reads the canonical block `block[start, end)` into `out`. Checks and allocates nothing. */
export function summarise(block: Uint8Array, start: number, end: number, out: AttributeSummary): void {
  out.origin = 0;
  out.pathLength = 0;
  out.neighbourAs = 0;
  out.hasMed = false;
  out.med = 0;
  out.hasLocalPref = false;
  out.localPref = 0;
  out.nextHopOffset = 0;
  out.nextHopLength = 0;
  out.originatorId = 0;
  out.clusterListLength = 0;
  out.wellKnown = 0;
  out.hasAsSet = false;
  out.bandwidth = -1;
  out.label = 0;
  for (let at = start; at < end;) {
    const next = attributeEnd(block, at);
    const value = valueStart(block, at);
    switch (block[at + 1]) {
      case code.ORIGIN:
        out.origin = block[value];
        break;
      case code.AS_PATH:
        summariseAsPath(block, value, next, out);
        break;
      case code.NEXT_HOP:
        out.nextHopOffset = value - start;
        out.nextHopLength = 4;
        break;
      case code.MP_REACH_NLRI:
        out.nextHopOffset = value + 4 - start;
        out.nextHopLength = block[value + 3];
        break;
      case code.MULTI_EXIT_DISC:
        out.hasMed = true;
        out.med = readU32(block, value);
        break;
      case code.LOCAL_PREF:
        out.hasLocalPref = true;
        out.localPref = readU32(block, value);
        break;
      case code.COMMUNITIES:
        out.wellKnown = wellKnownBits(block, value, next);
        break;
      case code.ORIGINATOR_ID:
        out.originatorId = readU32(block, value);
        break;
      case code.CLUSTER_LIST:
        out.clusterListLength = (next - value) >> 2;
        break;
      case code.EXTENDED_COMMUNITIES:
        out.bandwidth = readLinkBandwidth(block, value, next);
        break;
      case code.OWN_LABEL:
        if (isOwnLabel(block, at)) out.label = readU32(block, value);
        break;
      default:
    }
    at = next;
  }
}

function summariseAsPath(block: Uint8Array, start: number, end: number, out: AttributeSummary): void {
  if (start < end && block[start] === AS_SEQUENCE) out.neighbourAs = readU32(block, start + 2);
  for (let at = start; at < end;) {
    const type = block[at];
    const count = block[at + 1];
    if (type === AS_SEQUENCE) out.pathLength += count;
    else if (type === AS_SET) {
      out.pathLength++;
      out.hasAsSet = true;
    }
    at += 2 + count * 4;
  }
}

function wellKnownBits(block: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let at = start; at < end; at += 4) {
    // All of them are 65535:x.
    if (block[at] !== 0xff || block[at + 1] !== 0xff) continue;
    switch (readU32(block, at)) {
      case communities.COMMUNITY_NO_EXPORT:
        bits |= NO_EXPORT;
        break;
      case communities.COMMUNITY_NO_ADVERTISE:
        bits |= NO_ADVERTISE;
        break;
      case communities.COMMUNITY_NO_EXPORT_SUBCONFED:
        bits |= NO_EXPORT_SUBCONFED;
        break;
      case communities.COMMUNITY_GRACEFUL_SHUTDOWN:
        bits |= GRACEFUL_SHUTDOWN;
        break;
      case communities.COMMUNITY_LLGR_STALE:
        bits |= LLGR_STALE;
        break;
      case communities.COMMUNITY_NO_LLGR:
        bits |= NO_LLGR;
        break;
      case communities.COMMUNITY_BLACKHOLE:
        bits |= BLACKHOLE;
        break;
      default:
    }
  }
  return bits;
}

/** Whether `clusterId` stands in the CLUSTER_LIST of a canonical block (RFC 4456 §8). Allocates nothing. */
export function hasClusterId(block: Uint8Array, start: number, end: number, clusterId: number): boolean {
  const list = findAttribute(block, start, end, code.CLUSTER_LIST);
  if (list < 0) return false;
  const listEnd = attributeEnd(block, list);
  for (let at = valueStart(block, list); at < listEnd; at += 4) {
    if (readU32(block, at) === clusterId) return true;
  }
  return false;
}
