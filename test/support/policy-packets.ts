/** Packets of protocols that no socket of the kernel makes for tests, with a number in them by which they are known again. */

/** Numbers of IP protocols. */
export const IP_PROTOCOLS = { icmp: 1, icmpv6: 58, sctp: 132 } as const;

const MARK = 0x736c7072;
const SCTP_INIT = 1;
const SCTP_HEADER = 12;
const ICMP_HEADER = 8;

/** CRC32c (RFC 9260, appendix A), which the kernel checks before it looks at ports. */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The first packet of an SCTP association (RFC 9260, 3.3.2); `number` is its initiate tag, which must not be 0. */
export function sctpInit(number: number, sourcePort: number, destinationPort: number): Buffer {
  const packet = Buffer.alloc(SCTP_HEADER + 20);
  packet.writeUInt16BE(sourcePort, 0);
  packet.writeUInt16BE(destinationPort, 2);
  packet.writeUInt8(SCTP_INIT, SCTP_HEADER);
  packet.writeUInt16BE(20, SCTP_HEADER + 2);
  packet.writeUInt32BE(number, SCTP_HEADER + 4);
  packet.writeUInt32BE(65_536, SCTP_HEADER + 8);
  packet.writeUInt16BE(1, SCTP_HEADER + 12);
  packet.writeUInt16BE(1, SCTP_HEADER + 14);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** An ICMP or ICMPv6 packet; the kernel fills in the checksum of the latter. */
export function icmpPacket(version: 4 | 6, type: number, code: number, number: number): Buffer {
  const packet = Buffer.alloc(ICMP_HEADER + 8);
  packet.writeUInt8(type, 0);
  packet.writeUInt8(code, 1);
  packet.writeUInt16BE(number & 0xffff, 4);
  packet.writeUInt32BE(MARK, ICMP_HEADER);
  packet.writeUInt32BE(number, ICMP_HEADER + 4);
  if (version === 4) packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

/** The number of a packet that a raw socket received; undefined where it is none of these. Raw sockets of IPv4 give the IP header, too. */
export function numberOf(packet: Buffer, version: 4 | 6, protocol: 'sctp' | 'icmp'): number | undefined {
  const content = version === 4 ? packet.subarray((packet[0] & 0xf) * 4) : packet;
  if (protocol === 'sctp') {
    return content.length >= SCTP_HEADER + 20 && content[SCTP_HEADER] === SCTP_INIT
      ? content.readUInt32BE(SCTP_HEADER + 4)
      : undefined;
  }
  const ours = content.length >= ICMP_HEADER + 8 && content.readUInt32BE(ICMP_HEADER) === MARK;
  return ours ? content.readUInt32BE(ICMP_HEADER + 4) : undefined;
}
