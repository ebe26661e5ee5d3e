/**
 * Listening for neighbours. Where it fails it is tried again: whoever has the port may be an earlier run that is just
 * ending, and an address may still be on its way to the node.
 */
import type { Socket } from 'node:net';
import type { KernelSockets } from '../bgp/session/kernel-sockets.ts';
import { Listener } from '../bgp/session/listener.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { ListenOn } from '../peering/self.ts';
import type { EventLog } from '../process/event-log.ts';

/** How long after a failure listening is tried again, in milliseconds. */
const RETRY_INTERVAL = 5_000;

/** A stranger's attempts are reported at most this often, in milliseconds, and that many strangers are remembered. */
const REFUSAL_INTERVAL = 3_600_000;
const REFUSALS_KEPT = 1000;

export interface ListeningOptions {
  readonly kernel: KernelSockets | undefined;
  readonly events: EventLog;
  /** A known neighbour, by its address, has connected. */
  readonly accepted: (address: string, socket: Socket) => void;
}

/** A neighbour that is let in, and the TCP MD5 key it must bear. */
interface Admitted {
  readonly neighbour: Neighbour;
  readonly key: string | undefined;
}

function sameSecurity(a: Admitted, b: Admitted): boolean {
  return a.neighbour.ttlSecurity === b.neighbour.ttlSecurity && a.key === b.key;
}

export class Listening {
  private readonly options: ListeningOptions;
  /** By address listened on. */
  private readonly listeners = new Map<string, Listener>();
  /** By address listened on, in words. */
  private readonly failures = new Map<string, string>();
  /** By address. */
  private readonly neighbours = new Map<string, Admitted>();
  /** When strangers were last reported, by address. */
  private readonly refusals = new Map<string, number>();
  /** Undefined while there is to be no listening. */
  private wanted: ListenOn | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Ports are opened one after the other. */
  private opening: Promise<void> = Promise.resolve();

  constructor(options: ListeningOptions) {
    this.options = options;
  }

  /** Why there is no listening on some address, in words. */
  get problems(): readonly string[] {
    return [...this.failures.values()];
  }

  /** Listens there and nowhere else; where it did already, nobody notices. Failures are reported, not thrown. */
  listen(wanted: ListenOn): Promise<void> {
    // What failed is tried again by the clock, not with each change of the resources.
    if (wanted === this.wanted) return this.opening;
    this.wanted = wanted;
    return this.open();
  }

  /**
   * Lets a neighbour in, with the TCP MD5 key that is in use, if any. One that can't be secured as asked for is not let in.
   */
  add(neighbour: Neighbour, key?: string): void {
    const before = this.neighbours.get(neighbour.address);
    if (before !== undefined && sameSecurity(before, { neighbour, key })) return;
    this.neighbours.set(neighbour.address, { neighbour, key });
    for (const listener of this.listeners.values()) this.register(listener, { neighbour, key });
  }

  /** Refuses the neighbour with this address from now on. */
  remove(address: string): void {
    this.neighbours.delete(address);
    for (const listener of this.listeners.values()) listener.removePeer(address);
  }

  /** Stops listening; connections that were accepted go on. */
  close(): void {
    clearTimeout(this.timer);
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
    this.failures.clear();
    this.wanted = undefined;
  }

  private open(): Promise<void> {
    this.opening = this.opening.then(() => this.follow());
    return this.opening;
  }

  private async follow(): Promise<void> {
    clearTimeout(this.timer);
    // Closed meanwhile.
    if (this.wanted === undefined) return;
    const { addresses, port } = this.wanted;
    // First, because all addresses and one of them can't be listened on at once.
    this.closeOthers(this.wanted);
    for (const address of addresses) if (!this.listeners.has(address)) await this.openOne(address, port);
    if (this.failures.size === 0) return;
    this.timer = setTimeout(() => void this.open(), RETRY_INTERVAL);
    this.timer.unref();
  }

  private closeOthers({ addresses, port }: ListenOn): void {
    for (const [address, listener] of this.listeners) {
      if (addresses.includes(address) && listener.port === port) continue;
      listener.close();
      this.listeners.delete(address);
    }
    for (const address of this.failures.keys()) if (!addresses.includes(address)) this.failures.delete(address);
  }

  private async openOne(address: string, port: number): Promise<void> {
    const { kernel, events } = this.options;
    const subject = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    const listener = new Listener(
      { address, port },
      { accepted: this.options.accepted, refused: (remote, words) => this.refused(remote, words) },
      kernel,
    );
    for (const neighbour of this.neighbours.values()) this.register(listener, neighbour);
    try {
      await listener.start();
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      if (this.failures.get(address) !== words) events.add('daemon', subject, words, 'error');
      this.failures.set(address, words);
      return;
    }
    if (this.wanted === undefined) {
      listener.close();
      return;
    }
    this.listeners.set(address, listener);
    if (this.failures.delete(address)) events.add('daemon', subject, 'listens now');
  }

  private register(listener: Listener, { neighbour, key: password }: Admitted): void {
    const { ttlSecurity, address, key } = neighbour;
    try {
      listener.setPeer(address, {
        ...(ttlSecurity !== undefined && { ttlSecurity }),
        ...(password !== undefined && { password }),
      });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.options.events.add('session', key, `connections from the peer are refused: ${words}`, 'warn');
    }
  }

  /** Strangers that try again and again are reported once in a while. */
  private refused(remote: string, words: string): void {
    const now = performance.now();
    if (now - (this.refusals.get(remote) ?? -Infinity) < REFUSAL_INTERVAL) return;
    if (this.refusals.size > REFUSALS_KEPT) this.refusals.clear();
    this.refusals.set(remote, now);
    this.options.events.add('session', remote, words, 'warn');
  }
}
