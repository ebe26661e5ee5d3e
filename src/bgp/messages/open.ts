/**
 * OPEN (RFC 4271 §4.2, RFC 5492, RFC 6793, RFC 9072).
 */
import { readU32 } from '../../net/address.ts';
import { AS_TRANS } from './attributes/attribute-codes.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Capability } from './capabilities/capability.ts';
import { decodeCapabilities, encodeCapability } from './capabilities/capability-codec.ts';
import { BgpError } from './error.ts';
import {
  ERROR_OPEN,
  OPEN_BAD_BGP_IDENTIFIER,
  OPEN_BAD_PEER_AS,
  OPEN_MALFORMED,
  OPEN_UNACCEPTABLE_HOLD_TIME,
  OPEN_UNSUPPORTED_PARAMETER,
  OPEN_UNSUPPORTED_VERSION,
} from './notification-codes.ts';
import { HEADER_LENGTH, MESSAGE_OPEN, badLength, encodeMessage } from './framing.ts';

const VERSION = 4;
const FIXED_LENGTH = 10;
const PARAMETER_CAPABILITIES = 2;
/** Where it stands as the first parameter type, lengths have two octets (RFC 9072 §2). */
const PARAMETER_EXTENDED = 255;

/** What a speaker says of itself. */
export interface Open {
  /** From the four-octet-as capability where there is one, else the two-octet field. */
  readonly asn: number;
  /** Seconds; 0 means no keepalives. */
  readonly holdTime: number;
  readonly routerId: number;
  readonly capabilities: readonly Capability[];
}

/**
 * Decodes the body `buffer[start, end)` of an OPEN and makes the checks of RFC 4271 §6.2 that need no configuration.
 * Throws {@link BgpError} 2/x.
 */
export function decodeOpen(buffer: Uint8Array, start: number, end: number): Open {
  if (end - start < FIXED_LENGTH) throw badLength(HEADER_LENGTH + Math.max(0, end - start), MESSAGE_OPEN);
  const version = buffer[start];
  if (version !== VERSION) {
    throw new BgpError(
      ERROR_OPEN,
      OPEN_UNSUPPORTED_VERSION,
      `BGP version ${version} is not supported, only 4`,
      Uint8Array.of(0, VERSION),
    );
  }
  const holdTime = (buffer[start + 3] << 8) | buffer[start + 4];
  if (holdTime === 1 || holdTime === 2) {
    throw new BgpError(ERROR_OPEN, OPEN_UNACCEPTABLE_HOLD_TIME, `a hold time of ${holdTime} s is not acceptable`);
  }
  const routerId = readU32(buffer, start + 5);
  // RFC 6286 §2.1: any non-zero number.
  if (routerId === 0) throw new BgpError(ERROR_OPEN, OPEN_BAD_BGP_IDENTIFIER, 'the BGP identifier is 0.0.0.0');
  const capabilities = decodeParameters(buffer, start + FIXED_LENGTH - 1, end);
  const fourOctet = capabilities.find((capability) => capability.name === 'four-octet-as');
  const asn = fourOctet?.asn ?? (buffer[start + 1] << 8) | buffer[start + 2];
  // RFC 7607 §2.
  if (asn === 0) throw new BgpError(ERROR_OPEN, OPEN_BAD_PEER_AS, 'the AS number is 0');
  return { asn, holdTime, routerId, capabilities };
}

/** Reads the optional parameters, whose length field stands at `lengthAt`, in either form (RFC 4271 §4.2, RFC 9072 §2). */
function decodeParameters(buffer: Uint8Array, lengthAt: number, end: number): Capability[] {
  const first = lengthAt + 1;
  const extended = buffer[lengthAt] !== 0 && first < end && buffer[first] === PARAMETER_EXTENDED;
  if (extended && first + 3 > end) throw malformedParameters();
  const length = extended ? (buffer[first + 1] << 8) | buffer[first + 2] : buffer[lengthAt];
  let at = extended ? first + 3 : first;
  if (at + length !== end) throw malformedParameters();

  const capabilities: Capability[] = [];
  const headerLength = extended ? 3 : 2;
  while (at < end) {
    const valueStart = at + headerLength;
    if (valueStart > end) throw malformedParameters();
    const valueEnd = valueStart + (extended ? (buffer[at + 1] << 8) | buffer[at + 2] : buffer[at + 1]);
    if (valueEnd > end) throw malformedParameters();
    if (buffer[at] !== PARAMETER_CAPABILITIES) {
      throw new BgpError(ERROR_OPEN, OPEN_UNSUPPORTED_PARAMETER, `optional parameter ${buffer[at]} is not supported`);
    }
    for (const capability of decodeCapabilities(buffer, valueStart, valueEnd)) capabilities.push(capability);
    at = valueEnd;
  }
  return capabilities;
}

function malformedParameters(): BgpError {
  return new BgpError(ERROR_OPEN, OPEN_MALFORMED, 'the optional parameters do not fit their length');
}

/**
 * A whole OPEN message. All capabilities stand in one optional parameter (RFC 5492 §4); where it is longer than 253 bytes,
 * in the form of RFC 9072. The two-octet AS field is AS_TRANS for a larger AS number (RFC 6793 §4.1).
 */
export function encodeOpen(open: Open): Uint8Array {
  const capabilities = new ByteWriter();
  for (const capability of open.capabilities) encodeCapability(capability, capabilities);
  const length = capabilities.length;

  const body = new ByteWriter();
  body.u8(VERSION);
  body.u16(open.asn > 0xffff ? AS_TRANS : open.asn);
  body.u16(open.holdTime);
  body.u32(open.routerId);
  if (length === 0) {
    body.u8(0);
  } else if (length + 2 <= 255) {
    body.u8(length + 2);
    body.u8(PARAMETER_CAPABILITIES);
    body.u8(length);
  } else {
    body.u8(255);
    body.u8(PARAMETER_EXTENDED);
    body.u16(length + 3);
    body.u8(PARAMETER_CAPABILITIES);
    body.u16(length);
  }
  body.append(capabilities.bytes, 0, length);
  return encodeMessage(MESSAGE_OPEN, body.finish());
}
