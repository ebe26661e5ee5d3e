/**
 * What is kept of a neighbour that restarts (RFC 4724 §4.2): carries out in the RIB, and with a timer, what `stepGrace` decides.
 */
import { NO_GRACE, stepGrace } from '../bgp/fsm/graceful-restart.ts';
import type { Grace, GraceEffect, GraceInput } from '../bgp/fsm/graceful-restart.ts';
import type { Rib } from '../rib/rib.ts';

/** Routes that stay although their session ended. */
export interface KeptRoutes {
  /** Routes not sent again since. */
  readonly stale: number;
  /** Until when they stay, milliseconds since 1970. */
  readonly until: number;
  /** What they wait for. */
  readonly awaits: Grace['awaits'];
}

export class RestartHelper {
  private grace = NO_GRACE;
  private until = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly rib: Rib;
  private readonly expired: (stale: number) => void;

  /** `expired` is called with the number of routes that went because the neighbour took too long. */
  constructor(rib: Rib, expired: (stale: number) => void) {
    this.rib = rib;
    this.expired = expired;
  }

  /** What is kept of the peer with this index; undefined for nothing. */
  kept(peer: number): KeptRoutes | undefined {
    const { families, awaits } = this.grace;
    if (families.length === 0) return undefined;
    const stale = families.reduce<number>((sum, family) => sum + this.rib.peers.stale[family][peer], 0);
    return { stale, until: this.until, awaits };
  }

  /** Tells what happened to the peer with this index. Returns how many stale routes went by it. */
  give(peer: number, input: GraceInput): number {
    const { grace, effects } = stepGrace(this.grace, input);
    this.grace = grace;
    let gone = 0;
    for (const effect of effects) gone += this.perform(peer, effect);
    return gone;
  }

  private perform(peer: number, effect: GraceEffect): number {
    if (effect.type === 'cancel') {
      clearTimeout(this.timer);
      return 0;
    }
    if (effect.type === 'arm') {
      clearTimeout(this.timer);
      this.until = Date.now() + effect.milliseconds;
      this.timer = setTimeout(() => this.expired(this.give(peer, { type: 'timer' })), effect.milliseconds);
      return 0;
    }
    const { type, family } = effect;
    const { rib } = this;
    const stale = rib.peers.stale[family][peer];
    if (type === 'mark') rib.markStale(peer, family);
    else if (type === 'sweep') rib.sweep(peer, family);
    else rib.flush(peer, family);
    return stale;
  }
}
