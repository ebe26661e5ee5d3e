/**
 * Accepts the connections of neighbours on one address and port.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { canonicalAddress, parseAddress } from '../../net/address.ts';
import type { ParsedAddress } from '../../net/address.ts';
import { REJECTED } from '../fsm/cease.ts';
import { encodeNotification } from '../messages/notification.ts';
import { closeSocket } from './close-socket.ts';
import type { KernelSockets } from './kernel-sockets.ts';
import { ListenError } from './listen-error.ts';
import { requireUnsecured } from './outgoing-socket.ts';
import { domainOf, leastTtl, setListenerOptions, setMd5Key, setTtlFilter, sockaddr } from './socket-options.ts';

/** Where to listen. */
export interface ListenerOptions {
  /** An address of this node, or `0.0.0.0` or `::` for all of one family. */
  readonly address: string;
  /** 0 is a free port. */
  readonly port: number;
}

/** How connections of a neighbour are to be secured. */
export interface PeerSecurity {
  /** TCP MD5 (RFC 2385), at most 80 bytes. */
  readonly password?: string;
  /** GTSM (RFC 5082): greatest number of hops the peer may be away. */
  readonly ttlSecurity?: number;
}

/** Whom a listener reports to. */
export interface ListenerHandler {
  /** A known neighbour has connected. Its address is canonical, with `%zone` where it is link-local. */
  accepted(address: string, socket: Socket): void;
  /** Somebody was refused, for a reason in words. */
  refused?(address: string, words: string): void;
}

interface Peer {
  /** Canonical text of the address. */
  readonly name: string;
  readonly address: ParsedAddress;
  readonly security: PeerSecurity;
}

/** Connections that may wait to be accepted, as far as `net.core.somaxconn` lets them: many neighbours may come at once. */
const BACKLOG = 4096;

/** Listens for neighbours. Those it doesn't know are refused with Cease/5 (RFC 4486 §4). */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #handler: ListenerHandler;
  readonly #kernel: KernelSockets | undefined;
  readonly #address: ParsedAddress;
  /** By canonical address. */
  readonly #peers = new Map<string, Peer>();
  readonly #refused = new Set<Socket>();
  #server: Server | undefined;
  /** The listening socket, where its options can be set. */
  #fd: number | undefined;
  /** Whether the listening socket has a filter, which not everybody may attach. */
  #filtered = false;
  #refusals = 0;

  /** `kernel` is undefined where socket options are out of reach. Throws `AddressError`. */
  constructor(options: ListenerOptions, handler: ListenerHandler, kernel: KernelSockets | undefined) {
    this.#options = options;
    this.#handler = handler;
    this.#kernel = kernel;
    this.#address = parseAddress(options.address);
  }

  /** How many connections were refused because nobody with that address is configured. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The port in use; undefined while it doesn't listen. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Begins to listen. Throws {@link ListenError}. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    try {
      this.#fd = this.#prepare();
      await listen(server, this.#fd === undefined ? this.#plainOptions() : { fd: this.#fd });
    } catch (error) {
      this.#release(server);
      throw new ListenError(this.#options.address, this.#options.port, error as Error);
    }
    // For example when the process has too many files open.
    server.on('error', (error) => {
      this.#handler.refused?.(this.#options.address, `a connection could not be accepted: ${error.message}`);
    });
    this.#server = server;
  }

  /**
   * Makes a neighbour known, or changes how it is secured; connections that are up stay as they are.
   * Throws `KernelSocketsError` where security is wanted and out of reach, `SystemCallError` where the kernel refuses it,
   * `RangeError` for a password that is too long: the neighbour is then refused.
   */
  setPeer(address: string, security: PeerSecurity): void {
    const peer = { name: canonicalAddress(address), address: parseAddress(address), security };
    if (domainOf(peer.address) !== domainOf(this.#address)) return;
    const before = this.#peers.get(peer.name)?.security;
    this.#peers.delete(peer.name);
    if (this.#kernel === undefined) requireUnsecured(security);
    // A key is replaced by another one at once: at no time is the peer let in without.
    if ((before?.password ?? security.password) !== undefined) this.#setKey(peer, security.password);
    this.#peers.set(peer.name, peer);
    if (security.ttlSecurity === before?.ttlSecurity) return;
    try {
      this.#setTtlFilter();
    } catch (error) {
      this.#peers.delete(peer.name);
      throw error;
    }
  }

  /** Refuses a neighbour from now on. */
  removePeer(address: string): void {
    const peer = this.#peers.get(canonicalAddress(address));
    if (peer === undefined) return;
    this.#peers.delete(canonicalAddress(address));
    if (peer.security.password !== undefined) this.#setKey(peer, undefined);
    if (peer.security.ttlSecurity !== undefined) this.#setTtlFilter();
  }

  /** Stops listening. Connections that were accepted go on. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    this.#fd = undefined;
    for (const socket of this.#refused) socket.destroy();
  }

  /** A bound socket with the options of all peers, or undefined where options are out of reach. */
  #prepare(): number | undefined {
    const kernel = this.#kernel;
    if (kernel === undefined) return undefined;
    const domain = domainOf(this.#address);
    const fd = kernel.open(domain);
    this.#fd = fd;
    setListenerOptions(kernel, fd, domain);
    for (const peer of this.#peers.values()) this.#setFirstKey(peer);
    this.#setFirstTtlFilter();
    kernel.bind(fd, sockaddr(kernel, this.#address, this.#options.port));
    return fd;
  }

  #plainOptions(): { host: string; port: number; ipv6Only: boolean } {
    return { host: this.#options.address, port: this.#options.port, ipv6Only: true };
  }

  /** After a failure. */
  #release(server: Server): void {
    const fd = this.#fd;
    this.#fd = undefined;
    // A server that has taken the descriptor over closes it itself.
    if (fd !== undefined && server.address() === null) this.#kernel?.close(fd);
    server.close();
  }

  /** One neighbour whose key the kernel refuses must not keep the others from being heard. */
  #setFirstKey(peer: Peer): void {
    const { name, security } = peer;
    if (security.password === undefined) return;
    try {
      this.#setKey(peer, security.password);
    } catch (error) {
      this.#peers.delete(name);
      this.#handler.refused?.(
        name,
        `${name} will be refused, its TCP MD5 key cannot be set: ${(error as Error).message}`,
      );
    }
  }

  /** Without the filter its neighbours are not let in, and the others are. */
  #setFirstTtlFilter(): void {
    this.#filtered = false;
    try {
      this.#setTtlFilter();
    } catch (error) {
      for (const [name, { security }] of this.#peers) {
        if (security.ttlSecurity === undefined) continue;
        this.#peers.delete(name);
        this.#handler.refused?.(name, `${name} will be refused, GTSM cannot be enforced: ${(error as Error).message}`);
      }
    }
  }

  #setKey({ address }: Peer, key: string | undefined): void {
    if (this.#fd !== undefined && this.#kernel !== undefined) setMd5Key(this.#kernel, this.#fd, address, key);
  }

  #setTtlFilter(): void {
    if (this.#fd === undefined || this.#kernel === undefined) return;
    const rules = [...this.#peers.values()].flatMap(({ address, security: { ttlSecurity } }) =>
      ttlSecurity === undefined ? [] : [{ address: address.bytes, least: leastTtl(ttlSecurity) }],
    );
    if (rules.length === 0 && !this.#filtered) return;
    setTtlFilter(this.#kernel, this.#fd, domainOf(this.#address), rules);
    this.#filtered = rules.length > 0;
  }

  #accept(socket: Socket): void {
    // A connection that is gone again has no address.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = canonicalAddress(socket.remoteAddress);
    if (this.#peers.has(address)) this.#handler.accepted(address, socket);
    else this.#refuse(address, socket);
  }

  #refuse(address: string, socket: Socket): void {
    this.#refusals++;
    this.#refused.add(socket);
    socket.on('error', () => undefined);
    void closeSocket(socket, encodeNotification(REJECTED)).then(() => this.#refused.delete(socket));
    this.#handler.refused?.(address, `connection from ${address} refused: no such peer is configured`);
  }
}

function listen(server: Server, options: Parameters<Server['listen']>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, BACKLOG, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
