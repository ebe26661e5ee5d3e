/** Routing tables and updates recorded in MRT files (RFC 6396), and what bgpdump reads in them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { encodeIpv4Announcement, encodeMessage, HEADER_LENGTH, UPDATE } from './bgp/messages.ts';
import { run } from './processes.ts';
import { createScratch } from './scratch.ts';

/** What one peer of the recorder announced, in order. */
export interface RecordedPeer {
  readonly address: string;
  readonly asn: number;
  /** Width of AS numbers in its messages. */
  readonly asOctets: 2 | 4;
  /** Whole UPDATE messages. */
  readonly updates: Buffer[];
}

const TABLE_DUMP = 12;
const BGP = 5;
const BGP4MP = 16;
const BGP_UPDATE = 1;
const BGP4MP_MESSAGE = 1;
const BGP4MP_MESSAGE_AS4 = 4;
const AFI_IPV4 = 1;

const RECORD_HEADER = 12;

function readMrt(file: string): Buffer {
  const bytes = readFileSync(file);
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** Peers by address while a file is read. */
class Recording {
  readonly peers = new Map<string, RecordedPeer>();

  add(address: string, asn: number, asOctets: 2 | 4, update: Buffer): void {
    let peer = this.peers.get(address);
    if (peer === undefined) {
      peer = { address, asn, asOctets, updates: [] };
      this.peers.set(address, peer);
    }
    if (peer.asOctets === asOctets) peer.updates.push(update);
  }

  /** Those who said most, first. */
  get sorted(): RecordedPeer[] {
    return [...this.peers.values()].sort((a, b) => b.updates.length - a.updates.length);
  }
}

/** A file's messages by peer, and the same as a file that bgpdump reads without fault. */
export interface RecordedFile {
  readonly peers: RecordedPeer[];
  readonly normalised: Buffer;
}

/**
 * The UPDATE messages of a file of BGP4MP (or the older BGP) records, as recorded. The older records are turned into
 * BGP4MP ones for bgpdump, which takes the peer's address for what they withdraw.
 */
export function readUpdates(file: string): RecordedFile {
  const bytes = readMrt(file);
  const recording = new Recording();
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const type = bytes.readUInt16BE(at + 4);
    const subtype = bytes.readUInt16BE(at + 6);
    const end = at + RECORD_HEADER + bytes.readUInt32BE(at + 8);
    const body = bytes.subarray(at + RECORD_HEADER, end);
    if (type === BGP && subtype === BGP_UPDATE) records.push(addOldUpdate(recording, bytes.subarray(at, end)));
    else if (type === BGP4MP) {
      records.push(bytes.subarray(at, end));
      if (subtype === BGP4MP_MESSAGE) addUpdate(recording, body, 2);
      if (subtype === BGP4MP_MESSAGE_AS4) addUpdate(recording, body, 4);
    }
    at = end;
  }
  return { peers: recording.sorted, normalised: Buffer.concat(records) };
}

/** Peer AS, peer address, local AS, local address, the body of an UPDATE. Returns the record as BGP4MP. */
function addOldUpdate(recording: Recording, record: Buffer): Buffer {
  const body = record.subarray(RECORD_HEADER);
  const [peerAs, peer, localAs, local] = [
    body.subarray(0, 2),
    body.subarray(2, 6),
    body.subarray(6, 8),
    body.subarray(8, 12),
  ];
  const update = encodeMessage(UPDATE, body.subarray(12));
  recording.add(peer.join('.'), peerAs.readUInt16BE(0), 2, update);
  const newBody = Buffer.concat([peerAs, localAs, Buffer.of(0, 0, 0, AFI_IPV4), peer, local, update]);
  const header = Buffer.from(record.subarray(0, RECORD_HEADER));
  header.writeUInt16BE(BGP4MP, 4);
  header.writeUInt16BE(BGP4MP_MESSAGE, 6);
  header.writeUInt32BE(newBody.length, 8);
  return Buffer.concat([header, newBody]);
}

/** Peer AS, local AS, interface, address family, peer address, local address, a whole BGP message. */
function addUpdate(recording: Recording, body: Buffer, asOctets: 2 | 4): void {
  const addresses = 2 * asOctets + 4;
  const family = body.readUInt16BE(addresses - 2);
  const width = family === AFI_IPV4 ? 4 : 16;
  const message = body.subarray(addresses + 2 * width);
  if (message[HEADER_LENGTH - 1] !== UPDATE) return;
  const peer = body.subarray(addresses, addresses + width);
  const address = width === 4 ? peer.join('.') : peer.toString('hex');
  recording.add(address, body.readUIntBE(0, asOctets), asOctets, message);
}

/** View and sequence number. */
const DUMP_HEADER = 4;
/** Prefix, length, status, time, peer address, peer AS, length of the attributes; all IPv4. */
const ENTRY_HEADER = 18;

/**
 * The entries of a file of TABLE_DUMP records as UPDATE messages. Old files hold many entries in one record, whose
 * length leaves out view and sequence number; bgpdump gets one record for each.
 */
export function readTable(file: string): RecordedFile {
  const bytes = readMrt(file);
  const recording = new Recording();
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const header = bytes.subarray(at, at + RECORD_HEADER);
    if (header.readUInt16BE(4) !== TABLE_DUMP) throw new Error(`${file}: no TABLE_DUMP record at ${at}`);
    const start = at + RECORD_HEADER + DUMP_HEADER;
    const end = start + header.readUInt32BE(8);
    for (let entry = start; entry < end;) {
      const length = ENTRY_HEADER + bytes.readUInt16BE(entry + 16);
      records.push(
        singleRecord(header, bytes.subarray(start - DUMP_HEADER, start), bytes.subarray(entry, entry + length)),
      );
      addEntry(recording, bytes.subarray(entry, entry + length));
      entry += length;
    }
    at = end;
  }
  return { peers: recording.sorted, normalised: Buffer.concat(records) };
}

function singleRecord(header: Buffer, dumpHeader: Buffer, entry: Buffer): Buffer {
  const record = Buffer.concat([header, dumpHeader, entry]);
  record.writeUInt32BE(dumpHeader.length + entry.length, 8);
  return record;
}

function addEntry(recording: Recording, entry: Buffer): void {
  const length = entry[4];
  const nlri = Buffer.concat([entry.subarray(4, 5), entry.subarray(0, (length + 7) >> 3)]);
  const update = encodeIpv4Announcement(entry.subarray(ENTRY_HEADER), nlri);
  recording.add(entry.subarray(10, 14).join('.'), entry.readUInt16BE(14), 2, update);
}

/** A route as bgpdump shows it. */
export interface DumpedRoute {
  readonly asPath: string;
  readonly origin: string;
  readonly nextHop: string;
  readonly med: number;
  readonly communities: string;
}

/** What bgpdump reads in an MRT file: for each peer, by its address, the routes that stand after all lines. */
export async function bgpdump(mrt: Buffer): Promise<Map<string, Map<string, DumpedRoute>>> {
  using scratch = createScratch('mrt');
  const text = await run(['bgpdump', '-vm', scratch.write('file.mrt', mrt)], { timeoutMs: 60_000 });
  const peers = new Map<string, Map<string, DumpedRoute>>();
  for (const line of text.split('\n')) {
    const [, , kind, peer, , prefix, asPath, origin, nextHop, , med, communities] = line.split('|');
    if (kind !== 'A' && kind !== 'B' && kind !== 'W') continue;
    let routes = peers.get(peer);
    if (routes === undefined) peers.set(peer, (routes = new Map()));
    if (kind === 'W') routes.delete(prefix);
    else routes.set(prefix, { asPath, origin: origin.toLowerCase(), nextHop, med: Number(med), communities });
  }
  return peers;
}
