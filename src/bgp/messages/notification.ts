/**
 * NOTIFICATION (RFC 4271 §4.5, RFC 9003, RFC 8538).
 */
import { readU32 } from '../../net/address.ts';
import { readU16, toHex } from './bytes.ts';
import { describeCapability, decodeCapabilities } from './capabilities/capability-codec.ts';
import { describeFamily } from './describe-family.ts';
import type { Notification } from './error.ts';
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_NOTIFICATION, badLength, encodeMessage } from './framing.ts';
import {
  CEASE_ADMINISTRATIVE_RESET,
  CEASE_ADMINISTRATIVE_SHUTDOWN,
  CEASE_HARD_RESET,
  CEASE_MAXIMUM_PREFIXES,
  ERROR_CEASE,
  ERROR_HEADER,
  ERROR_NAMES,
  ERROR_OPEN,
  ERROR_UPDATE,
  HEADER_BAD_LENGTH,
  HEADER_BAD_TYPE,
  OPEN_BAD_PEER_AS,
  OPEN_UNSUPPORTED_CAPABILITY,
  OPEN_UNSUPPORTED_VERSION,
} from './notification-codes.ts';
import { decodeUtf8, escapeText, truncateUtf8 } from './text.ts';

/** Longest shutdown communication, RFC 9003 §2. */
const MAX_COMMUNICATION = 255;
const MAX_DATA = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 2;

/** A whole NOTIFICATION message; data that would not fit into 4096 bytes is cut. */
export function encodeNotification(notification: Notification): Uint8Array {
  return encodeMessage(MESSAGE_NOTIFICATION, encodeBody(notification));
}

/** Code, subcode and data: the body of a NOTIFICATION, and what a Hard Reset encapsulates (RFC 8538 §3.1). */
function encodeBody({ code, subcode, data }: Notification): Uint8Array {
  return Uint8Array.of(code, subcode, ...data.subarray(0, MAX_DATA));
}

/** Decodes the body `buffer[start, end)`; the data is a copy. Throws `BgpError` 1/2 where it is too short. */
export function decodeNotification(buffer: Uint8Array, start: number, end: number): Notification {
  if (end - start < 2) throw badLength(HEADER_LENGTH + Math.max(0, end - start), MESSAGE_NOTIFICATION);
  return { code: buffer[start], subcode: buffer[start + 1], data: buffer.slice(start + 2, end) };
}

/** A Cease that ends the session although RFC 8538 would keep its routes over `reason`. */
export function hardReset(reason: Notification): Notification {
  return { code: ERROR_CEASE, subcode: CEASE_HARD_RESET, data: encodeBody(reason) };
}

/**
 * Data of an Administrative Shutdown or Reset that tells the peer's operator why (RFC 9003 §2): a length byte and
 * UTF-8, cut at a character where it is longer than 255 bytes.
 */
export function shutdownCommunication(text: string): Uint8Array {
  const bytes = truncateUtf8(text, MAX_COMMUNICATION);
  return Uint8Array.of(bytes.length, ...bytes);
}

/** A NOTIFICATION in words, e.g. `Cease / Administrative Shutdown: "maintenance"`. Control characters are escaped. */
export function describeNotification({ code, subcode, data }: Notification): string {
  const known = ERROR_NAMES[code];
  const name = known?.name ?? `error code ${code}`;
  const subName = known?.subcodes[subcode] ?? (subcode === 0 ? undefined : `subcode ${subcode}`);
  const title = subName === undefined ? name : `${name} / ${subName}`;
  const detail = data.length === 0 ? undefined : describeData(code, subcode, data);
  return detail === undefined ? title : `${title}: ${detail}`;
}

function describeData(code: number, subcode: number, data: Uint8Array): string | undefined {
  const words =
    (code === ERROR_HEADER && describeHeaderData(subcode, data)) ||
    (code === ERROR_OPEN && describeOpenData(subcode, data)) ||
    (code === ERROR_UPDATE && data.length > 2 && `attribute ${toHex(data)}`) ||
    (code === ERROR_CEASE && describeCeaseData(subcode, data));
  return words || `data ${toHex(data)}`;
}

function describeHeaderData(subcode: number, data: Uint8Array): string | undefined {
  if (subcode === HEADER_BAD_LENGTH && data.length === 2) return `length ${readU16(data, 0)}`;
  return subcode === HEADER_BAD_TYPE && data.length === 1 ? `type ${data[0]}` : undefined;
}

function describeOpenData(subcode: number, data: Uint8Array): string | undefined {
  if (subcode === OPEN_UNSUPPORTED_VERSION && data.length === 2) return `version ${readU16(data, 0)} is supported`;
  if (subcode === OPEN_BAD_PEER_AS && data.length === 2) return `AS ${readU16(data, 0)}`;
  if (subcode === OPEN_BAD_PEER_AS && data.length === 4) return `AS ${readU32(data, 0)}`;
  if (subcode !== OPEN_UNSUPPORTED_CAPABILITY) return undefined;
  try {
    return decodeCapabilities(data, 0, data.length).map(describeCapability).join(', ');
  } catch {
    return undefined;
  }
}

function describeCeaseData(subcode: number, data: Uint8Array): string | undefined {
  switch (subcode) {
    case CEASE_MAXIMUM_PREFIXES:
      // RFC 4486 §4: AFI, SAFI and the upper bound.
      return data.length === 7
        ? `${describeFamily(readU16(data, 0), data[2])}, at most ${readU32(data, 3)}`
        : undefined;
    case CEASE_ADMINISTRATIVE_SHUTDOWN:
    case CEASE_ADMINISTRATIVE_RESET:
      return describeCommunication(data);
    case CEASE_HARD_RESET:
      return describeEncapsulated(data);
    default:
      return undefined;
  }
}

/** The reason within a Hard Reset (RFC 8538 §3.1); one within another is not followed. */
function describeEncapsulated(data: Uint8Array): string | undefined {
  if (data.length < 2 || (data[0] === ERROR_CEASE && data[1] === CEASE_HARD_RESET)) return undefined;
  return describeNotification(decodeNotification(data, 0, data.length));
}

/** The text of RFC 9003, quoted; undefined where it is malformed. */
function describeCommunication(data: Uint8Array): string | undefined {
  if (1 + data[0] > data.length) return undefined;
  const text = decodeUtf8(data.subarray(1, 1 + data[0]));
  return text === undefined ? undefined : `"${escapeText(text)}"`;
}
