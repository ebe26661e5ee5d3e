/** Real tables and updates played through sessions into the daemon: it must hold what bgpdump reads. */
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { Speaker } from '../support/bgp/speaker.ts';
import { bgpdump, readTable, readUpdates } from '../support/mrt.ts';
import type { DumpedRoute, RecordedPeer } from '../support/mrt.ts';
import { STARLINGD, startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { missingHere, vectorPath } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

/** Not the AS of any network in these files. */
const LOCAL_ASN = 64_999;
const LOCAL_ADDRESS = '127.0.0.1';

const TABLE = 'mrt/ripe-ris/rrc00/2000.01/bview.20000111.0032.gz';
const UPDATES = [
  'mrt/ripe-ris/rrc00/1999.12/updates.19991214.1621.gz',
  'mrt/ripe-ris/rrc00/2000.01/updates.20000102.2014.gz',
  'mrt/ripe-ris/rrc01/2000.11/updates.20001104.0124.gz',
  'mrt/ripe-ris/rrc03/2010.02/updates.20100227.1600.first-796-records.gz',
  'mrt/ripe-ris/rrc15/2010.02/updates.20100227.1600.gz',
  'mrt/ripe-ris/rrc15/2010.02/updates.20100227.1610.gz',
];

function missing(): string | undefined {
  return (
    missingHere({ programs: ['bgpdump', 'setpriv'], vectors: TABLE }) ??
    (existsSync(STARLINGD) ? undefined : `${STARLINGD} is not built: npm run build`)
  );
}

/** A port that nobody uses just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, LOCAL_ADDRESS, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The loopback address that stands for a recorded peer. */
function addressOf(index: number): string {
  return `127.0.1.${index + 1}`;
}

function connected(localAddress: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: LOCAL_ADDRESS, port, localAddress }, () => resolve(socket));
    socket.once('error', reject);
  });
}

interface ShownRoute {
  readonly prefix: string;
  readonly asPath: string;
  readonly origin: string;
  readonly nextHop: string;
  readonly med?: number;
  readonly communities?: readonly string[];
}

async function receivedFrom(dut: StarlingRouter, peer: string): Promise<Map<string, DumpedRoute>> {
  const found = new Map<string, DumpedRoute>();
  for (let cursor: string | null = '0'; cursor !== null;) {
    const query: string = `view=received&peer=${peer}&limit=50000&cursor=${cursor}`;
    const page: { routes: ShownRoute[]; nextCursor: string | null } = await dut.api('GET', `/api/v1/routes?${query}`);
    for (const { prefix, asPath, origin, nextHop, med = 0, communities = [] } of page.routes)
      found.set(prefix, { asPath, origin, nextHop, med, communities: communities.join(' ') });
    cursor = page.nextCursor;
  }
  return found;
}

/** Plays what a peer said and waits until the daemon has read it all. */
async function play(dut: StarlingRouter, peer: RecordedPeer, index: number, port: number): Promise<Speaker> {
  const address = addressOf(index);
  const speaker = new Speaker(await connected(address, port), {
    asn: peer.asn,
    holdTime: 90,
    routerId: address,
    families: ['ipv4', 'ipv6'],
    fourOctetAs: peer.asOctets === 4,
  });
  await speaker.established;
  await speaker.send(peer.updates);
  await waitFor(() => dut.api<{ messages: { received: { update: number } } }>('GET', `/api/v1/peers/${address}`), {
    what: `${peer.updates.length} UPDATEs of ${peer.address} to be read`,
    timeoutMs: 30_000,
    accept: ({ messages }) => messages.received.update >= peer.updates.length,
  });
  return speaker;
}

/** The first differences between what is held and what should be, and how many there are. */
function differences(held: ReadonlyMap<string, DumpedRoute>, read: ReadonlyMap<string, DumpedRoute>): string[] {
  const prefixes = new Set([...held.keys(), ...read.keys()]);
  const lines = [...prefixes].flatMap((prefix) => {
    const [is, should] = [JSON.stringify(held.get(prefix)), JSON.stringify(read.get(prefix))];
    return is === should ? [] : [`${prefix}: is ${is}, should be ${should}`];
  });
  return lines.length > 5 ? [...lines.slice(0, 5), `and ${lines.length - 5} more`] : lines;
}

/** Plays peers through sessions, all at once, and compares each one's routes. */
async function compare(peers: readonly RecordedPeer[], read: Map<string, Map<string, DumpedRoute>>): Promise<string[]> {
  const port = await freePort();
  const neighbours = peers.map(({ asn }, i) => ({ address: addressOf(i), asn, families: ['ipv4', 'ipv6'] as const }));
  await using dut = await startStarling(
    { asn: LOCAL_ASN, routerId: LOCAL_ADDRESS, address: LOCAL_ADDRESS, port, neighbours },
    {},
  );
  const speakers = await Promise.all(peers.map((peer, i) => play(dut, peer, i, port)));
  const found: string[] = [];
  for (const [i, peer] of peers.entries()) {
    const held = await receivedFrom(dut, addressOf(i));
    found.push(...differences(held, read.get(peer.address) ?? new Map()).map((line) => `${peer.address} ${line}`));
  }
  for (const speaker of speakers) speaker.close();
  return found;
}

/** Peers played at once: those who said most. */
const PEERS = 8;

describe('a recorded peer', () => {
  const reason = missing();

  it('has announced the table that bgpdump reads', { timeout: 60_000 }, async (context) => {
    context.skip(reason !== undefined, reason);
    const { peers, normalised } = readTable(vectorPath(TABLE));
    expect(await compare(peers.slice(0, 1), await bgpdump(normalised))).toEqual([]);
  });

  it.for(UPDATES)('leaves the routes that bgpdump reads in %s', { timeout: 60_000 }, async (file, context) => {
    context.skip(reason !== undefined, reason);
    const { peers, normalised } = readUpdates(vectorPath(file));
    expect(await compare(peers.slice(0, PEERS), await bgpdump(normalised))).toEqual([]);
  });
});
