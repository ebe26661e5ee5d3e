/**
 * The turn of the event loop: decide what reading marked, pass on what changed, write what is to be told. Each turn does a
 * slice, then sockets and timers have theirs.
 */
import { performance } from 'node:perf_hooks';
import { Advertising } from '../rib/advertising.ts';
import { Rib } from '../rib/rib.ts';
import type { RibOptions } from '../rib/rib.ts';
import { UpdateReceiver } from '../rib/update-receiver.ts';

/** Prefixes decided in one turn: a few milliseconds of work. */
const DECISIONS_PER_TURN = 8192;

/** How often to look whether the kernel has answered, in milliseconds. */
const ANSWER_POLL = 5;

/** Takes what a peer is told; false when it takes no more for now. */
export interface Sink {
  send(bytes: Uint8Array): boolean;
}

export interface SpeakerOptions extends RibOptions {
  /** Called once per turn after decisions: the FIB sends what has gathered. */
  readonly flushForwarding: () => void;
}

export class Speaker {
  readonly rib: Rib;
  readonly advertising: Advertising;
  readonly receiver: UpdateReceiver;
  /** Sessions by their index in the RIB. */
  readonly sinks: (Sink | undefined)[] = [];
  private readonly options: SpeakerOptions;
  private scheduled = false;
  private retry: NodeJS.Timeout | undefined;
  private paused = false;

  constructor(options: SpeakerOptions) {
    this.options = options;
    this.rib = new Rib(options);
    this.advertising = new Advertising(this.rib);
    this.receiver = new UpdateReceiver(this.rib);
  }

  /** Sees to it that a turn comes soon: something was read, or somebody can be written to. */
  kick(): void {
    if (this.scheduled || this.paused) return;
    this.scheduled = true;
    setImmediate(() => this.turn());
  }

  /**
   * Resolves when nothing waits to be decided or forwarded, nor for the kernel to say how a next hop is reached, `patience`
   * milliseconds at most; or when there are no more turns.
   */
  async settled(patience = Infinity): Promise<void> {
    let left = patience;
    while (!this.paused && (this.rib.hasWork || (this.rib.waitsForNextHops && left > 0))) {
      this.kick();
      if (this.rib.hasWork) {
        await new Promise((resolve) => setImmediate(resolve));
      } else {
        await new Promise((resolve) => setTimeout(resolve, ANSWER_POLL));
        left -= ANSWER_POLL;
      }
    }
  }

  /** No more turns. */
  stop(): void {
    this.paused = true;
    clearTimeout(this.retry);
  }

  private readonly write = (peer: number, bytes: Uint8Array): boolean => this.sinks[peer]?.send(bytes) ?? true;

  private turn(): void {
    this.scheduled = false;
    if (this.paused) return;
    this.rib.decide(DECISIONS_PER_TURN);
    this.options.flushForwarding();
    const { more, retryAfter } = this.advertising.flush(performance.now(), this.write);
    if (more || this.rib.hasWork) this.kick();
    else if (retryAfter !== undefined) this.kickAfter(retryAfter);
  }

  private kickAfter(milliseconds: number): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.kick(), milliseconds);
  }
}
