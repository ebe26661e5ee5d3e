import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IPV4_UNICAST } from '../../net/family.ts';
import type { Notification } from '../messages/error.ts';
import type { Open } from '../messages/open.ts';
import { COLLISION } from './cease.ts';
import type { Effect } from './effect.ts';
import type { Input, PeerTimer } from './input.ts';
import { localOpen } from './local-open.ts';
import { fsmStateName, initialPeerState } from './peer-state.ts';
import type { PeerState, Role } from './peer-state.ts';
import { step } from './step.ts';

/** One side of a simulated peering. */
interface Speaker {
  readonly open: Open;
  give(input: Input): readonly Effect[];
  /** The id of the connection that is Established. */
  readonly session: number | undefined;
}

/** With graceful restart, so that another connection could be taken for a restart. */
function openOf(localAs: number, routerId: number): Open {
  const gracefulRestart = { restartTime: 120, restarting: false, forwarding: true };
  return localOpen({ localAs, routerId, holdTime: 90, families: [IPV4_UNICAST], gracefulRestart });
}

/** The machine under test. */
class Starling implements Speaker {
  readonly open: Open;
  peer: PeerState;

  constructor(open: Open, peerAs: number) {
    this.open = open;
    const timers = { keepaliveTime: undefined, sendHoldTime: undefined, connectRetryTime: 60 };
    this.peer = initialPeerState({ open, peerAs, families: [IPV4_UNICAST], passive: false, ...timers }, open.routerId);
  }

  give(input: Input): readonly Effect[] {
    const next = step(this.peer, input, 0);
    this.peer = next.peer;
    return next.effects;
  }

  get session(): number | undefined {
    return fsmStateName(this.peer) === 'Established' ? this.peer.established?.id : undefined;
  }
}

/** A speaker that settles collisions by the letter of RFC 4271 §6.8: each side by itself, as soon as it sees both OPENs. */
class ByTheLetter implements Speaker {
  readonly open: Open;
  readonly #states = new Map<number, { role: Role; state: 'OpenSent' | 'OpenConfirm' | 'Established' }>();
  #next = 1;

  constructor(open: Open) {
    this.open = open;
  }

  give(input: Input): readonly Effect[] {
    if (input.type === 'start') return [{ type: 'connect', connection: this.#next++ }];
    if (input.type === 'accepted') {
      if (this.session !== undefined) return [{ type: 'refuse', notification: COLLISION }];
      return [{ type: 'adopt', connection: this.#next }, ...this.#opened(this.#next++, 'incoming')];
    }
    if (!('connection' in input)) return [];
    const id = input.connection;
    if (input.type === 'connected') {
      return this.session === undefined ? this.#opened(id, 'outgoing') : this.#close(id);
    }
    const mine = this.#states.get(id);
    if (mine === undefined) return [];
    if (input.type === 'closed' || input.type === 'notification') this.#states.delete(id);
    if (input.type === 'open') return this.#collide(id, mine.role, input.open);
    if (input.type === 'keepalive') mine.state = 'Established';
    return [];
  }

  get session(): number | undefined {
    for (const [id, { state }] of this.#states) if (state === 'Established') return id;
    return undefined;
  }

  #opened(id: number, role: Role): Effect[] {
    this.#states.set(id, { role, state: 'OpenSent' });
    return [{ type: 'send-open', connection: id }];
  }

  #collide(id: number, role: Role, open: Open): Effect[] {
    const rival = [...this.#states].find(([other]) => other !== id);
    const confirm: Effect[] = [{ type: 'send-keepalive', connection: id }];
    if (rival !== undefined && rival[1].state !== 'OpenSent') {
      const keepsNew = rival[1].state === 'OpenConfirm' && open.routerId > this.open.routerId === (role === 'incoming');
      if (!keepsNew) return this.#close(id);
      confirm.unshift(...this.#close(rival[0]));
    }
    this.#states.get(id)!.state = 'OpenConfirm';
    return confirm;
  }

  #close(id: number): Effect[] {
    this.#states.delete(id);
    return [{ type: 'close', connection: id, notification: COLLISION }];
  }
}

interface End {
  readonly side: number;
  /** The connection's id on this side, once the side knows of it. */
  id: number | undefined;
  closed: boolean;
  /** What is under way to this side. */
  readonly inbox: ('open' | 'keepalive' | 'eof' | Notification)[];
}

interface Tcp {
  readonly ends: readonly [End, End];
}

/** Two speakers and the TCP connections between them; nothing happens but by `choose`. */
class Network {
  readonly speakers: readonly [Speaker, Speaker];
  readonly tcps: Tcp[] = [];
  readonly timers: (Set<PeerTimer> | undefined)[] = [new Set(), new Set()];
  /** How often a side left Established. */
  downs = 0;

  constructor(a: Speaker, b: Speaker) {
    this.speakers = [a, b];
  }

  give(side: number, input: Input, offered?: End): void {
    for (const effect of this.speakers[side].give(input)) this.#perform(side, effect, offered);
  }

  #perform(side: number, effect: Effect, offered: End | undefined): void {
    switch (effect.type) {
      case 'connect':
        this.tcps.push({
          ends: [
            { side, id: effect.connection, closed: false, inbox: [] },
            { side: 1 - side, id: undefined, closed: false, inbox: [] },
          ],
        });
        break;
      case 'adopt':
        offered!.id = effect.connection;
        break;
      case 'refuse':
        offered!.closed = true;
        this.#otherEnd(offered!).inbox.push(effect.notification, 'eof');
        break;
      case 'send-open':
      case 'send-keepalive':
        this.#otherEnd(this.#end(side, effect.connection)).inbox.push(
          effect.type === 'send-open' ? 'open' : 'keepalive',
        );
        break;
      case 'close': {
        const end = this.#end(side, effect.connection);
        end.closed = true;
        if (effect.notification !== undefined) this.#otherEnd(end).inbox.push(effect.notification);
        this.#otherEnd(end).inbox.push('eof');
        break;
      }
      case 'arm':
        this.timers[side]!.add(effect.timer);
        break;
      case 'cancel':
        this.timers[side]!.delete(effect.timer);
        break;
      case 'down':
        this.downs++;
        break;
      case 'arm-connection':
      case 'cancel-connection':
      case 'drain':
      case 'negotiated':
      case 'established':
      case 'deliver':
      case 'error':
        break;
    }
  }

  #end(side: number, id: number): End {
    return this.tcps.flatMap(({ ends }) => ends).find((end) => end.side === side && end.id === id)!;
  }

  #otherEnd(end: End): End {
    const { ends } = this.tcps.find((tcp) => tcp.ends[0] === end || tcp.ends[1] === end)!;
    return ends[0] === end ? ends[1] : ends[0];
  }

  readonly #connected = new Set<Tcp>();

  /** Everything the network could do next. */
  moves(): (() => void)[] {
    const moves: (() => void)[] = [];
    for (const tcp of this.tcps) {
      const [client, server] = tcp.ends;
      if (!this.#connected.has(tcp)) {
        moves.push(() => {
          this.#connected.add(tcp);
          if (!client.closed) this.give(client.side, { type: 'connected', connection: client.id! });
        });
        continue;
      }
      if (server.id === undefined && !server.closed) {
        moves.push(() => this.give(server.side, { type: 'accepted' }, server));
      }
      for (const end of tcp.ends) {
        if (end.inbox.length > 0 && (end.id !== undefined || end.closed)) moves.push(() => this.#deliver(end));
      }
    }
    return moves;
  }

  #deliver(end: End): void {
    const message = end.inbox.shift()!;
    if (end.closed) return;
    const connection = end.id!;
    const { open } = this.speakers[1 - end.side];
    if (message === 'open') this.give(end.side, { type: 'open', connection, open });
    else if (message === 'keepalive') this.give(end.side, { type: 'keepalive', connection });
    else if (message !== 'eof') this.give(end.side, { type: 'notification', connection, notification: message });
    else {
      end.closed = true;
      this.give(end.side, { type: 'closed', connection, words: 'peer closed the connection' });
    }
  }

  fireTimer(choice: number): boolean {
    const armed = this.timers.flatMap((timers, side) => [...timers!].map((timer) => ({ side, timer })));
    if (armed.length === 0) return false;
    const { side, timer } = armed[choice % armed.length];
    this.timers[side]!.delete(timer);
    this.give(side, { type: 'timer', timer });
    return true;
  }
}

/** Plays until nothing happens any more; time passes only when the network is quiet. Returns how often it had to. */
function play(network: Network, choices: readonly number[]): number {
  let turn = 0;
  const choose = (): number => choices[turn++ % choices.length] + turn;
  let waits = 0;
  for (let limit = 0; limit < 500; limit++) {
    const moves = network.moves();
    if (moves.length > 0) moves[choose() % moves.length]();
    else if (network.speakers.every(({ session }) => session !== undefined)) break;
    else if (network.fireTimer(choose())) waits++;
    else break;
  }
  return waits;
}

/** What is wrong, unless both sides are Established on the same TCP connection and there is no other. */
function faults({ tcps, speakers, downs }: Network): string[] {
  const alive = tcps.filter(({ ends }) => ends.some((end) => !end.closed));
  const found = alive.flatMap(({ ends }) =>
    ends.filter((end) => speakers[end.side].session !== end.id).map(({ side }) => `side ${side} has another session`),
  );
  if (alive.length !== 1) found.push(`${alive.length} connections are alive`);
  if (downs > 0) found.push(`sessions went down ${downs} times`);
  return found;
}

const choices = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 60 });
const identifiers = fc.constantFrom([1, 2], [2, 1], [7, 7]);

describe('connection collision', () => {
  it('leaves exactly one connection, whatever the order of events', () => {
    fc.assert(
      fc.property(identifiers, choices, fc.boolean(), ([idA, idB], choices, late) => {
        const network = new Network(new Starling(openOf(65001, idA), 65002), new Starling(openOf(65002, idB), 65001));
        network.give(0, { type: 'start' });
        if (late) network.moves()[0]();
        network.give(1, { type: 'start' });
        play(network, choices);
        expect(faults(network)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('within one AS too', () => {
    fc.assert(
      fc.property(fc.constantFrom([1, 2], [2, 1]), choices, ([idA, idB], choices) => {
        const network = new Network(new Starling(openOf(65001, idA), 65001), new Starling(openOf(65001, idB), 65001));
        network.give(0, { type: 'start' });
        network.give(1, { type: 'start' });
        play(network, choices);
        expect(faults(network)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves one with a peer that goes by the letter of the RFC', () => {
    fc.assert(
      fc.property(fc.constantFrom([1, 2], [2, 1]), choices, ([idA, idB], choices) => {
        const network = new Network(new Starling(openOf(65001, idA), 65002), new ByTheLetter(openOf(65002, idB)));
        network.give(0, { type: 'start' });
        network.give(1, { type: 'start' });
        play(network, choices);
        expect(faults(network)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    [1, 2],
    [2, 1],
  ])('keeps the connection of the side with the higher identifier when both opened at once (%d, %d)', (idA, idB) => {
    const network = new Network(new Starling(openOf(65001, idA), 65002), new Starling(openOf(65002, idB), 65001));
    network.give(0, { type: 'start' });
    network.give(1, { type: 'start' });
    // Both connections are up on both sides before any OPEN arrives.
    for (let i = 0; i < 2; i++) network.moves()[0]();
    for (let i = 0; i < 2; i++) {
      const tcp = network.tcps[i];
      network.give(tcp.ends[1].side, { type: 'accepted' }, tcp.ends[1]);
    }
    play(network, [0]);
    expect(faults(network)).toEqual([]);
    const winner = network.tcps.find(({ ends }) => ends.some((end) => !end.closed))!;
    expect(winner.ends[0].side).toBe(idA > idB ? 0 : 1);
  });

  it('goes on with what has come further when the other connection hangs', () => {
    const speaker = new Starling(openOf(65001, 2), 65002);
    const network = new Network(speaker, new ByTheLetter(openOf(65002, 1)));
    network.give(0, { type: 'start' });
    speaker.give({ type: 'connected', connection: 1 });
    speaker.give({ type: 'accepted' });
    // This side is dominant, so it waits for its own connection, on which nothing comes.
    speaker.give({ type: 'open', connection: 2, open: openOf(65002, 1) });
    speaker.give({ type: 'keepalive', connection: 2 });
    expect(speaker.session).toBeUndefined();
    const effects = speaker.give({ type: 'timer', timer: 'collision' });
    expect(speaker.session).toBe(2);
    expect(effects).toContainEqual({ type: 'close', connection: 1, notification: COLLISION });
    expect(effects).toContainEqual({ type: 'send-keepalive', connection: 2 });
  });

  it('takes an UPDATE for the peer’s choice', () => {
    const speaker = new Starling(openOf(65001, 1), 65002);
    speaker.give({ type: 'start' });
    speaker.give({ type: 'connected', connection: 1 });
    speaker.give({ type: 'open', connection: 1, open: openOf(65002, 2) });
    speaker.give({ type: 'accepted' });
    speaker.give({ type: 'keepalive', connection: 1 });
    expect(speaker.session).toBeUndefined();
    const effects = speaker.give({ type: 'update', connection: 1 });
    expect(speaker.session).toBe(1);
    expect(effects.map(({ type }) => type)).toEqual(expect.arrayContaining(['established', 'deliver']));
  });
});
