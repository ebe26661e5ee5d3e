/**
 * One neighbour at run time: carries out on sockets and timers what the peer's state machine decides.
 */
import type { Socket } from 'node:net';
import { parseAddress } from '../../net/address.ts';
import type { StopReason } from '../fsm/cease.ts';
import type { Effect } from '../fsm/effect.ts';
import type { Input, PeerTimer } from '../fsm/input.ts';
import { localOpen } from '../fsm/local-open.ts';
import type { Negotiated } from '../fsm/negotiate.ts';
import { connectionsOf, fsmStateName, initialPeerState } from '../fsm/peer-state.ts';
import type { FsmStateName, PeerState } from '../fsm/peer-state.ts';
import { step } from '../fsm/step.ts';
import { HEADER_LENGTH } from '../messages/framing.ts';
import { encodeNotification } from '../messages/notification.ts';
import { encodeOpen } from '../messages/open.ts';
import type { Open } from '../messages/open.ts';
import { closeSocket } from './close-socket.ts';
import { KeyRotation } from './key-rotation.ts';
import { openOutgoing, requireUnsecured } from './outgoing-socket.ts';
import type { SessionConfig } from './session-config.ts';
import { SessionConnection } from './session-connection.ts';
import type { ConnectionOwner } from './session-connection.ts';
import type { SessionEnvironment, SessionHandler } from './session-handler.ts';
import { descriptorOf, domainOf, setMd5Key, setSocketOptions } from './socket-options.ts';
import type { SocketOptions } from './socket-options.ts';
import { describeSocketError } from './socket-words.ts';
import { StatisticsRecorder } from './statistics.ts';
import type { SessionStatistics } from './statistics.ts';
import { TimerSet } from './timer-set.ts';

/** Where the type stands in a message, RFC 4271 §4.1: at the end of the header. */
const TYPE_OFFSET = HEADER_LENGTH - 1;

/** An input and what belongs to it but is none of the machine's business. */
interface Event {
  readonly input: Input;
  /** With `accepted`. */
  readonly socket?: Socket;
  /** With `update` and `route-refresh`: hands the message on. */
  readonly deliver?: (() => void) | undefined;
  /** Called when the input has been dealt with. */
  readonly done?: () => void;
}

/** A BGP session with one neighbour, kept up until it is stopped. */
export class Session {
  readonly config: SessionConfig;
  readonly #handler: SessionHandler;
  readonly #environment: SessionEnvironment;
  readonly #options: SocketOptions;
  readonly #statistics = new StatisticsRecorder();
  readonly #timers: TimerSet<PeerTimer>;
  readonly #owner: ConnectionOwner;
  readonly #keys: KeyRotation;
  readonly #connections = new Map<number, SessionConnection>();
  /** Sockets that the machine has done with and that are still being closed. */
  readonly #closing = new Set<Promise<void>>();
  #peer: PeerState;
  #events: Event[] = [];
  #dispatching = false;

  constructor(config: SessionConfig, handler: SessionHandler, environment: SessionEnvironment) {
    const open = localOpen(config);
    const { peerAs, families, connectRetryTime, passive, keepaliveTime, sendHoldTime } = config;
    this.config = config;
    this.#handler = handler;
    this.#environment = environment;
    this.#options = socketOptions(config);
    this.#timers = new TimerSet((timer) => this.#dispatch({ input: { type: 'timer', timer } }));
    this.#owner = {
      handler,
      environment,
      peerAddress: config.peerAddress,
      statistics: this.#statistics,
      open: () => encodeOpen(this.#peer.config.open),
      negotiated: (id) => {
        const { established } = this.#peer;
        return established?.id === id ? established.negotiated : undefined;
      },
      give: (input, deliver) => this.#dispatch({ input, deliver }),
    };
    this.#keys = new KeyRotation({
      keys: keysOf(config),
      silence: () => ({ bytesReceived: this.#statistics.snapshot.bytesReceived, patience: this.#patience }),
      changed: (key) => this.#useKey(key),
      failed: (error) => this.#statistics.error(`its TCP MD5 key can't be changed: ${describeSocketError(error)}`),
      random: () => environment.random(),
    });
    const machine = { open, peerAs, families, connectRetryTime, passive, keepaliveTime, sendHoldTime };
    this.#peer = initialPeerState(machine, Math.floor(environment.random() * 2 ** 32));
  }

  /** Begins to connect and to accept connections. */
  start(): void {
    this.#keys.start();
    this.#dispatch({ input: { type: 'start' } });
  }

  /** Takes a connection that the neighbour has opened. */
  accept(socket: Socket): void {
    try {
      this.#secure(socket);
    } catch (error) {
      // It must not be used without what was to secure it.
      socket.destroy();
      this.#statistics.error(`connection from the peer refused: ${describeSocketError(error as Error)}`);
      return;
    }
    this.#dispatch({ input: { type: 'accepted' }, socket });
  }

  /**
   * Sends whole messages of one kind, UPDATE or ROUTE-REFRESH; `messages` says how many. The bytes must not change any more.
   * Returns false where the connection has enough to do: then `writable` of the handler follows. What is sent while the
   * session is not Established is dropped.
   */
  send(bytes: Uint8Array, messages = 1): boolean {
    const { established } = this.#peer;
    const connection = established && this.#connections.get(established.id);
    return connection?.send(bytes, bytes[TYPE_OFFSET], messages) ?? false;
  }

  /** Ends the session and stays down. Resolves when all connections are closed, after a few seconds at most. */
  stop(reason: StopReason): Promise<void> {
    this.#keys.stop();
    return new Promise((resolve) => {
      const done = (): void => {
        void Promise.all(this.#closing).then(() => resolve());
      };
      this.#dispatch({ input: { type: 'stop', reason }, done });
    });
  }

  /** Ends the session with Cease/4, and sets it up again. */
  reset(message?: string): void {
    this.#dispatch({ input: { type: 'reset', ...(message === undefined ? {} : { message }) } });
  }

  /** Ends the session with Cease/2 until {@link adminUp}. */
  adminDown(message?: string): void {
    this.#dispatch({ input: { type: 'admin-down', ...(message === undefined ? {} : { message }) } });
  }

  /** Ends what {@link adminDown} began. */
  adminUp(): void {
    this.#dispatch({ input: { type: 'admin-up' } });
  }

  /**
   * From the next connection on says this of this side's restarts, nothing where `gracefulRestart` is undefined; who connects,
   * and how often it is tried, may change as well.
   */
  reconfigure(change: Pick<SessionConfig, 'gracefulRestart' | 'passive' | 'connectRetryTime'>): void {
    const { gracefulRestart: _, ...rest } = this.config;
    const { passive, connectRetryTime } = change;
    const open = localOpen({ ...rest, ...change });
    this.#dispatch({ input: { type: 'configure', open, passive, connectRetryTime } });
  }

  /** The TCP MD5 key in use; undefined for none. A secret. */
  get key(): string | undefined {
    return this.#keys.current;
  }

  /**
   * Takes other TCP MD5 keys, none to two, for what is connected and for what will be: nothing is reset. Throws
   * `SystemCallError`, `RangeError` or {@link KernelSocketsError} where the kernel does not take one on a connection.
   */
  changeKeys(keys: readonly string[]): void {
    this.#keys.set(keys);
  }

  /** The OPEN that the next connection begins with. */
  get open(): Open {
    return this.#peer.config.open;
  }

  get state(): FsmStateName {
    return fsmStateName(this.#peer);
  }

  /** Whether an operator keeps the session down. */
  get disabled(): boolean {
    return this.#peer.phase.name === 'admin-down';
  }

  /** What holds for the session while it is Established. */
  get negotiated(): Negotiated | undefined {
    return this.#peer.established?.negotiated;
  }

  get statistics(): SessionStatistics {
    return this.#statistics.snapshot;
  }

  /** Of the connection that has come furthest, as are the ports; undefined where there is none. */
  get localAddress(): string | undefined {
    return this.#socket?.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  get remotePort(): number | undefined {
    return this.#socket?.remotePort;
  }

  get #socket(): Socket | undefined {
    const [first] = connectionsOf(this.#peer);
    return first === undefined ? undefined : this.#connections.get(first.id)?.socket;
  }

  /** Runs the machine. What happens meanwhile, by a handler or an effect, waits for its turn. */
  #dispatch(event: Event): void {
    this.#events.push(event);
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#dispatching = false;
    }
  }

  #step(event: Event): void {
    const before = this.state;
    const { peer, effects, reason } = step(this.#peer, event.input, performance.now());
    this.#peer = peer;
    this.#environment.log('debug', reason, this.config.peerAddress);
    // Statistics come first, so that a handler sees them.
    for (const effect of effects) this.#record(effect);
    if (this.state !== before) {
      this.#statistics.stateChanged();
      this.#handler.stateChanged(this.state, reason);
    }
    for (const effect of effects) this.#perform(effect, event);
    event.done?.();
  }

  #record(effect: Effect): void {
    if (effect.type === 'error') this.#statistics.error(effect.words);
    if (effect.type === 'down') this.#statistics.flap();
    const says = effect.type === 'refuse' || effect.type === 'close';
    if (says && effect.notification !== undefined) this.#statistics.notificationSent(effect.notification);
  }

  #perform(effect: Effect, event: Event): void {
    switch (effect.type) {
      case 'connect':
        this.#connect(effect.connection);
        break;
      case 'adopt':
        this.#connections.set(effect.connection, new SessionConnection(effect.connection, event.socket!, this.#owner));
        break;
      case 'refuse':
        this.#closes(closeSocket(event.socket!, encodeNotification(effect.notification)));
        break;
      case 'arm':
        this.#timers.arm(effect.timer, effect.milliseconds);
        break;
      case 'cancel':
        this.#timers.cancel(effect.timer);
        break;
      case 'established':
        this.#handler.established(effect.negotiated);
        break;
      case 'down':
        this.#handler.down(effect.reason);
        break;
      case 'deliver':
        event.deliver?.();
        break;
      case 'error':
        break;
      case 'send-open':
      case 'send-keepalive':
      case 'close':
      case 'arm-connection':
      case 'cancel-connection':
      case 'drain':
      case 'negotiated': {
        // One that could not be opened is not there.
        const closing = this.#connections.get(effect.connection)?.perform(effect);
        if (closing !== undefined) this.#closes(closing);
        if (effect.type === 'close') this.#connections.delete(effect.connection);
      }
    }
  }

  #connect(id: number): void {
    try {
      const socket = openOutgoing(this.#secured, this.#options, this.#environment.kernel);
      this.#connections.set(id, new SessionConnection(id, socket, this.#owner));
    } catch (error) {
      this.#dispatch({ input: { type: 'closed', connection: id, words: describeSocketError(error as Error) } });
    }
  }

  /** Options of an accepted socket; its MD5 key is that of the listener. */
  #secure(socket: Socket): void {
    const { kernel } = this.#environment;
    if (kernel === undefined) return requireUnsecured(this.#secured);
    const fd = descriptorOf(socket);
    if (fd === undefined) return undefined;
    return setSocketOptions(kernel, fd, domainOf(parseAddress(this.config.peerAddress)), this.#options);
  }

  /** The configuration with the key in use. */
  get #secured(): Omit<SessionConfig, 'password' | 'nextPassword'> & { readonly password?: string } {
    const { password: _, nextPassword: __, ...config } = this.config;
    return { ...config, ...(this.key !== undefined && { password: this.key }) };
  }

  /** How long nothing need be heard: a keepalive comes three times a hold time (RFC 4271 §4.4), an OPEN soon. Milliseconds. */
  get #patience(): number {
    const { negotiated, state } = this;
    if (negotiated === undefined) return state === 'OpenSent' || state === 'OpenConfirm' ? OPEN_PATIENCE : 0;
    return negotiated.holdTime === 0 ? Infinity : negotiated.holdTime * 400;
  }

  /** Signs with another key what is sent from now on, and what is sent again. */
  #useKey(key: string | undefined): void {
    const { kernel } = this.#environment;
    const peer = parseAddress(this.config.peerAddress);
    this.#handler.keyChanged?.();
    if (kernel === undefined) return requireUnsecured(this.#secured);
    for (const { socket } of this.#connections.values()) {
      const fd = descriptorOf(socket);
      if (fd !== undefined) setMd5Key(kernel, fd, peer, key);
    }
  }

  #closes(closing: Promise<void>): void {
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}

/** How long an OPEN may take before another key is tried, milliseconds. */
const OPEN_PATIENCE = 8_000;

function keysOf({ password, nextPassword }: SessionConfig): readonly string[] {
  return [password, nextPassword].filter((key) => key !== undefined);
}

/** Least default of the send hold timer, seconds (RFC 9687 §3.2). */
const MIN_SEND_HOLD_TIME = 480;

/** Least time after which the kernel may give a connection up, seconds. */
const MIN_USER_TIMEOUT = 30;

function socketOptions({ holdTime, sendHoldTime, ttlSecurity, ttl }: SessionConfig): SocketOptions {
  // The kernel counts from when the peer's window closes, the send hold timer from when this side's buffers are full as
  // well; that one, which can tell why, is to come first.
  const seconds = Math.max(MIN_USER_TIMEOUT, 2 * (sendHoldTime ?? Math.max(MIN_SEND_HOLD_TIME, 2 * holdTime)));
  return {
    userTimeout: holdTime === 0 ? 0 : seconds * 1000,
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(ttl === undefined ? {} : { ttl }),
  };
}
