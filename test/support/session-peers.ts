/**
 * Sessions with each other over loopback, each side with an address and a port of its own.
 */
import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { DownReason } from '../../src/bgp/fsm/effect.ts';
import type { Negotiated } from '../../src/bgp/fsm/negotiate.ts';
import { loadKernelSockets } from '../../src/bgp/session/kernel-sockets.ts';
import { Listener } from '../../src/bgp/session/listener.ts';
import { ReadBudget } from '../../src/bgp/session/read-budget.ts';
import type { SessionConfig } from '../../src/bgp/session/session-config.ts';
import type { SessionEnvironment, SessionHandler } from '../../src/bgp/session/session-handler.ts';
import { Session } from '../../src/bgp/session/session.ts';
import { IPV4_UNICAST } from '../../src/net/family.ts';
import type { Family } from '../../src/net/family.ts';
import { waitFor } from './wait-for.ts';

let addresses = 0;

/** A loopback address that no other test of this process uses. */
export function loopbackAddress(): string {
  const n = ++addresses;
  return `127.${process.pid & 127}.${n >> 8}.${n & 255}`;
}

/** What sessions of tests need of the process. */
export function testEnvironment(fields: Partial<SessionEnvironment> = {}): SessionEnvironment {
  return {
    kernel: loadKernelSockets(),
    readBudget: new ReadBudget(),
    random: Math.random,
    log: () => undefined,
    ...fields,
  };
}

/** Keeps what a session reports. */
export class Recorder implements SessionHandler {
  readonly states: string[] = [];
  readonly reasons: string[] = [];
  readonly downs: DownReason[] = [];
  keyChanged: () => void = () => undefined;
  readonly updates: Uint8Array[] = [];
  readonly refreshes: [Family, number][] = [];
  negotiated: Negotiated | undefined;
  writables = 0;
  /** Called with each UPDATE. */
  onUpdate: (body: Uint8Array) => void = () => undefined;

  stateChanged(state: string, reason: string): void {
    this.states.push(state);
    this.reasons.push(reason);
  }
  established(negotiated: Negotiated): void {
    this.negotiated = negotiated;
  }
  update(buffer: Uint8Array, start: number, end: number): void {
    const body = buffer.slice(start, end);
    this.updates.push(body);
    this.onUpdate(body);
  }
  routeRefresh(family: Family, subtype: number): void {
    this.refreshes.push([family, subtype]);
  }
  writable(): void {
    this.writables++;
  }
  down(reason: DownReason): void {
    this.downs.push(reason);
  }
}

/** One side: a session with its listener. */
export class Side implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly session: Session;
  readonly listener: Listener;

  constructor(session: Session, listener: Listener, recorder: Recorder) {
    this.session = session;
    this.listener = listener;
    this.recorder = recorder;
  }

  async reaches(state: string): Promise<void> {
    await waitFor(() => this.session.state === state, {
      what: `${this.session.config.localAddress ?? 'the session'} to become ${state}; ${this.recorder.reasons.join(' | ')}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await this.session.stop({ kind: 'deconfigured' });
  }
}

/** Settings of one side that a test cares about. */
export type SideConfig = Partial<SessionConfig> & { readonly environment?: SessionEnvironment };

/** A pair of sides that are to talk to each other, not started. */
export async function makePair(a: SideConfig = {}, b: SideConfig = {}): Promise<[Side, Side]> {
  const [addressA, addressB] = [loopbackAddress(), loopbackAddress()];
  const listeners = [await listen(addressA, a, () => sides[0]), await listen(addressB, b, () => sides[1])];
  listeners[0].setPeer(addressB, a);
  listeners[1].setPeer(addressA, b);
  const base = { holdTime: 90, connectRetryTime: 1, passive: false, families: [IPV4_UNICAST] };
  const sides: [Side, Side] = [
    makeSide(listeners[0], a, {
      ...base,
      localAs: 65001,
      peerAs: 65002,
      routerId: 1,
      localAddress: addressA,
      peerAddress: addressB,
      peerPort: listeners[1].port!,
    }),
    makeSide(listeners[1], b, {
      ...base,
      localAs: 65002,
      peerAs: 65001,
      routerId: 2,
      localAddress: addressB,
      peerAddress: addressA,
      peerPort: listeners[0].port!,
    }),
  ];
  return sides;
}

function makeSide(listener: Listener, { environment, ...fields }: SideConfig, base: SessionConfig): Side {
  const recorder = new Recorder();
  const session = new Session({ ...base, ...fields }, recorder, environment ?? testEnvironment());
  return new Side(session, listener, recorder);
}

async function listen(address: string, { environment }: SideConfig, side: () => Side): Promise<Listener> {
  const { kernel } = environment ?? testEnvironment();
  const handler = { accepted: (_peer: string, socket: Socket) => side().session.accept(socket) };
  const listener = new Listener({ address, port: 0 }, handler, kernel);
  await listener.start();
  return listener;
}

/** Starts both sides and waits for their session. */
export async function establishPair(a: SideConfig = {}, b: SideConfig = {}): Promise<[Side, Side]> {
  const sides = await makePair(a, b);
  for (const side of sides) side.session.start();
  for (const side of sides) await side.reaches('Established');
  return sides;
}

/** A session whose peer is in the hands of the test: a plain socket. */
export class RawPeer implements AsyncDisposable {
  readonly side: Side;
  /** Every connection the session has opened. */
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  readonly #address: string;

  static async make(fields: SideConfig = {}): Promise<RawPeer> {
    const [local, remote] = [loopbackAddress(), loopbackAddress()];
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, remote, resolve));
    const listener = await listen(local, fields, () => peer.side);
    listener.setPeer(remote, fields);
    const peer: RawPeer = new RawPeer(
      server,
      remote,
      makeSide(listener, fields, {
        localAs: 65001,
        peerAs: 65002,
        routerId: 1,
        localAddress: local,
        peerAddress: remote,
        peerPort: (server.address() as { port: number }).port,
        holdTime: 90,
        connectRetryTime: 1,
        passive: false,
        families: [IPV4_UNICAST],
      }),
    );
    return peer;
  }

  constructor(server: Server, address: string, side: Side) {
    this.#server = server;
    this.#address = address;
    this.side = side;
    server.on('connection', (socket) => this.#keep(socket));
  }

  /** Waits for the `count`th connection of the session. */
  async connection(count = 1): Promise<Socket> {
    await waitFor(() => this.sockets.length >= count, { what: 'a connection of the session' });
    return this.sockets[count - 1];
  }

  /** Connects to the session's listener. */
  async connect(): Promise<Socket> {
    const { localAddress: host } = this.side.session.config;
    const socket = connect({ host: host!, port: this.side.listener.port!, localAddress: this.#address });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await this.side[Symbol.asyncDispose]();
  }

  #keep(socket: Socket): void {
    socket.on('error', () => undefined);
    this.sockets.push(socket);
  }
}
