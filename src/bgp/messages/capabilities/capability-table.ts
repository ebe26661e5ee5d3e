/**
 * One row a capability: everything about its wire format and its words stands here.
 */
import { readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';
import { describeFamily } from '../describe-family.ts';
import { decodeUtf8, escapeText, truncateUtf8 } from '../text.ts';
import type { KnownCapability } from './capability.ts';

type KnownName = KnownCapability['name'];
type CapabilityOf<Name extends KnownName> = Extract<KnownCapability, { name: Name }>;

/** How one capability is read, written and told. */
interface CapabilityRow<Name extends KnownName> {
  /** IANA "Capability Codes". */
  readonly code: number;
  /**
   * What follows where `decode` gives undefined: `reject` answers the OPEN with 2/0, because both sides would otherwise
   * disagree on what was negotiated; `ignore` treats the capability as not understood (RFC 5492 §3).
   */
  readonly malformed: 'reject' | 'ignore';
  /** Reads the value `bytes[start, end)`; undefined where it is malformed. */
  decode(bytes: Uint8Array, start: number, end: number): CapabilityOf<Name> | undefined;
  /** Appends the value. */
  encode(capability: CapabilityOf<Name>, out: ByteWriter): void;
  describe(capability: CapabilityOf<Name>): string;
}

/** Names of the roles of RFC 9234 §4.1 by value. */
const ROLE_NAMES = ['provider', 'route server', 'route-server client', 'customer', 'peer'];

/** Bits of the graceful-restart capability: RFC 4724 §3, RFC 8538 §2. */
const RESTARTING = 0x8000;
const NOTIFICATION = 0x4000;
const RESTART_TIME_MASK = 0x0fff;
const FORWARDING = 0x80;

/** ADD-PATH send/receive field, RFC 7911 §4. */
const ADD_PATH_RECEIVE = 1;
const ADD_PATH_SEND = 2;

/** Longest text of a name so that two of them and their length bytes fit into one capability. */
const MAX_NAME_BYTES = 126;
const MAX_VERSION_BYTES = 254;

/** Every capability the daemon understands, by name. */
export const CAPABILITY_TABLE: { readonly [Name in KnownName]: CapabilityRow<Name> } = {
  multiprotocol: {
    code: 1,
    malformed: 'reject',
    decode: (bytes, start, end) =>
      end - start === 4 ? { name: 'multiprotocol', afi: readU16(bytes, start), safi: bytes[start + 3] } : undefined,
    encode: ({ afi, safi }, out) => {
      out.u16(afi);
      out.u16(safi);
    },
    describe: ({ afi, safi }) => describeFamily(afi, safi),
  },
  'route-refresh': {
    code: 2,
    malformed: 'ignore',
    decode: (_bytes, start, end) => (start === end ? { name: 'route-refresh' } : undefined),
    encode: () => undefined,
    describe: () => 'route refresh',
  },
  'extended-next-hop': {
    code: 5,
    malformed: 'reject',
    decode: (bytes, start, end) => {
      if (start === end) return undefined;
      const entries = readTuples(start, end, 6, (at) => ({
        afi: readU16(bytes, at),
        safi: readU16(bytes, at + 2),
        nextHopAfi: readU16(bytes, at + 4),
      }));
      return entries && { name: 'extended-next-hop', entries };
    },
    encode: ({ entries }, out) => {
      for (const { afi, safi, nextHopAfi } of entries) {
        out.u16(afi);
        out.u16(safi);
        out.u16(nextHopAfi);
      }
    },
    describe: ({ entries }) =>
      `extended next hop (${entries.map((e) => `${describeFamily(e.afi, e.safi)} over AFI ${e.nextHopAfi}`).join(', ')})`,
  },
  'extended-message': {
    code: 6,
    malformed: 'ignore',
    decode: (_bytes, start, end) => (start === end ? { name: 'extended-message' } : undefined),
    encode: () => undefined,
    describe: () => 'extended messages',
  },
  role: {
    code: 9,
    malformed: 'reject',
    decode: (bytes, start, end) => (end - start === 1 ? { name: 'role', role: bytes[start] } : undefined),
    encode: ({ role }, out) => out.u8(role),
    describe: ({ role }) => `role ${ROLE_NAMES[role] ?? role}`,
  },
  'graceful-restart': {
    code: 64,
    malformed: 'reject',
    decode: (bytes, start, end) => {
      if (end - start < 2) return undefined;
      const families = readTuples(start + 2, end, 4, (at) => ({
        afi: readU16(bytes, at),
        safi: bytes[at + 2],
        forwarding: (bytes[at + 3] & FORWARDING) !== 0,
      }));
      const word = readU16(bytes, start);
      return (
        families && {
          name: 'graceful-restart',
          restarting: (word & RESTARTING) !== 0,
          notification: (word & NOTIFICATION) !== 0,
          restartTime: word & RESTART_TIME_MASK,
          families,
        }
      );
    },
    encode: ({ restarting, notification, restartTime, families }, out) => {
      const flags = (restarting ? RESTARTING : 0) | (notification ? NOTIFICATION : 0);
      out.u16(flags | Math.min(restartTime, RESTART_TIME_MASK));
      for (const { afi, safi, forwarding } of families) {
        out.u16(afi);
        out.u8(safi);
        out.u8(forwarding ? FORWARDING : 0);
      }
    },
    describe: ({ restarting, notification, restartTime, families }) => {
      const marks = `${restarting ? ', restarting' : ''}${notification ? ', with notifications' : ''}`;
      const kept = families.map((f) => `, ${describeFamily(f.afi, f.safi)}${f.forwarding ? ' forwarding' : ''}`);
      return `graceful restart (${restartTime} s${marks}${kept.join('')})`;
    },
  },
  'four-octet-as': {
    code: 65,
    malformed: 'reject',
    decode: (bytes, start, end) =>
      end - start === 4 ? { name: 'four-octet-as', asn: readU32(bytes, start) } : undefined,
    encode: ({ asn }, out) => out.u32(asn),
    describe: ({ asn }) => `4-octet AS ${asn}`,
  },
  'add-path': {
    code: 69,
    malformed: 'ignore',
    decode: (bytes, start, end) => {
      const families = readTuples(start, end, 4, (at) => ({
        afi: readU16(bytes, at),
        safi: bytes[at + 2],
        mode: bytes[at + 3],
      }));
      // RFC 7911 §4: any other value makes the whole capability one that is not understood.
      if (families === undefined || families.some(({ mode }) => mode < 1 || mode > 3)) return undefined;
      return {
        name: 'add-path',
        families: families.map(({ afi, safi, mode }) => ({
          afi,
          safi,
          send: (mode & ADD_PATH_SEND) !== 0,
          receive: (mode & ADD_PATH_RECEIVE) !== 0,
        })),
      };
    },
    encode: ({ families }, out) => {
      for (const { afi, safi, send, receive } of families) {
        // A family that is neither sent nor received has no value on the wire.
        if (!send && !receive) continue;
        out.u16(afi);
        out.u8(safi);
        out.u8((send ? ADD_PATH_SEND : 0) | (receive ? ADD_PATH_RECEIVE : 0));
      }
    },
    describe: ({ families }) => {
      const modes = families.map(({ afi, safi, send, receive }) => {
        const mode = send && receive ? 'send and receive' : send ? 'send' : 'receive';
        return `${describeFamily(afi, safi)} ${mode}`;
      });
      return `ADD-PATH (${modes.join(', ')})`;
    },
  },
  'enhanced-route-refresh': {
    code: 70,
    malformed: 'ignore',
    decode: (_bytes, start, end) => (start === end ? { name: 'enhanced-route-refresh' } : undefined),
    encode: () => undefined,
    describe: () => 'enhanced route refresh',
  },
  'long-lived-graceful-restart': {
    code: 71,
    malformed: 'reject',
    decode: (bytes, start, end) => {
      const families = readTuples(start, end, 7, (at) => ({
        afi: readU16(bytes, at),
        safi: bytes[at + 2],
        forwarding: (bytes[at + 3] & FORWARDING) !== 0,
        staleTime: (bytes[at + 4] << 16) | readU16(bytes, at + 5),
      }));
      return families && { name: 'long-lived-graceful-restart', families };
    },
    encode: ({ families }, out) => {
      for (const { afi, safi, forwarding, staleTime } of families) {
        out.u16(afi);
        out.u8(safi);
        out.u8(forwarding ? FORWARDING : 0);
        out.u8(staleTime >>> 16);
        out.u16(staleTime);
      }
    },
    describe: ({ families }) =>
      `long-lived graceful restart (${families.map((f) => `${describeFamily(f.afi, f.safi)} ${f.staleTime} s`).join(', ')})`,
  },
  fqdn: {
    code: 73,
    malformed: 'ignore',
    decode: (bytes, start, end) => {
      const hostnameEnd = start + 1 + (start < end ? bytes[start] : 0);
      if (hostnameEnd >= end) return undefined;
      const domainEnd = hostnameEnd + 1 + bytes[hostnameEnd];
      if (domainEnd !== end) return undefined;
      const hostname = decodeUtf8(bytes.subarray(start + 1, hostnameEnd));
      const domain = decodeUtf8(bytes.subarray(hostnameEnd + 1, domainEnd));
      return hostname === undefined || domain === undefined ? undefined : { name: 'fqdn', hostname, domain };
    },
    encode: ({ hostname, domain }, out) => {
      writeText(hostname, MAX_NAME_BYTES, out);
      writeText(domain, MAX_NAME_BYTES, out);
    },
    describe: ({ hostname, domain }) => `name ${escapeText(domain === '' ? hostname : `${hostname}.${domain}`)}`,
  },
  'software-version': {
    code: 75,
    malformed: 'ignore',
    decode: (bytes, start, end) => {
      if (start === end || start + 1 + bytes[start] !== end) return undefined;
      const version = decodeUtf8(bytes.subarray(start + 1, end));
      return version === undefined ? undefined : { name: 'software-version', version };
    },
    encode: ({ version }, out) => writeText(version, MAX_VERSION_BYTES, out),
    describe: ({ version }) => `software ${escapeText(version)}`,
  },
};

/** Reads records of `size` bytes; undefined where the last one is cut. */
function readTuples<T>(start: number, end: number, size: number, read: (at: number) => T): T[] | undefined {
  if ((end - start) % size !== 0) return undefined;
  const tuples: T[] = [];
  for (let at = start; at < end; at += size) tuples.push(read(at));
  return tuples;
}

function writeText(text: string, maxBytes: number, out: ByteWriter): void {
  const bytes = truncateUtf8(text, maxBytes);
  out.u8(bytes.length);
  out.append(bytes);
}
