/** Ethernet frames with the first packet of a connection of any protocol, as raw bytes. */
import { tryParseAddress } from '../../src/net/address.ts';
import type { Packet } from '../../src/policy/decide.ts';

const ETHER_HEADER = 14;
const ETHER_TYPES = { 4: 0x0800, 6: 0x86dd } as const;
const SYN = 0x02;
const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;

/** An Ethernet address of the tests' own: `02:00:00:00:<side>:<index>`. */
export function macBytes(side: number, index: number): readonly number[] {
  return [2, 0, 0, 0, side, index];
}

/** A frame; its last four bytes are `id`. Checksums of TCP and the like, which no router looks at, are 0. */
export function frameOf(packet: Packet, id: number, from: readonly number[], to: readonly number[]): Buffer {
  const payload = transportOf(packet);
  const header = packet.version === 4 ? ipv4Header(packet, payload.length + 4) : ipv6Header(packet, payload.length + 4);
  const ether = Buffer.from([...to, ...from, 0, 0]);
  ether.writeUInt16BE(ETHER_TYPES[packet.version], 12);
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32BE(id);
  return Buffer.concat([ether, header, payload, trailer]);
}

/** The id of a frame. */
export function frameId(frame: Uint8Array): number {
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  const isV4 = view.readUInt16BE(12) === ETHER_TYPES[4];
  // Ethernet pads what is shorter than 60 bytes.
  const length = isV4 ? view.readUInt16BE(ETHER_HEADER + 2) : 40 + view.readUInt16BE(ETHER_HEADER + 4);
  return view.readUInt32BE(ETHER_HEADER + length - 4);
}

function transportOf({ protocol, sourcePort, destinationPort, icmp }: Packet): Buffer {
  const header = Buffer.alloc(protocol === TCP ? 20 : 16);
  if (protocol === ICMP || protocol === ICMPV6) {
    header[0] = icmp?.type ?? 0;
    header[1] = icmp?.code ?? 0;
  } else {
    header.writeUInt16BE(sourcePort ?? 0, 0);
    header.writeUInt16BE(destinationPort ?? 0, 2);
  }
  if (protocol === TCP) {
    header[12] = 5 << 4;
    header[13] = SYN;
  } else if (protocol === 17 || protocol === 136) header.writeUInt16BE(header.length + 4, 4);
  return header;
}

function ipv4Header({ protocol, source, destination }: Packet, payload: number): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload, 2);
  header[8] = 64;
  header[9] = protocol;
  header.set(addressBytes(source), 12);
  header.set(addressBytes(destination), 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return header;
}

function ipv6Header({ protocol, source, destination }: Packet, payload: number): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload, 4);
  header[6] = protocol;
  header[7] = 64;
  header.set(addressBytes(source), 8);
  header.set(addressBytes(destination), 24);
  return header;
}

function addressBytes(text: string): Uint8Array {
  const address = tryParseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address.bytes;
}
