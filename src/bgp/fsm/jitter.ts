import type { Effect } from './effect.ts';
import type { ConnectionTimer, PeerTimer } from './input.ts';

const JITTERED: ReadonlySet<ConnectionTimer | PeerTimer> = new Set(['keepalive', 'connect-retry', 'idle-hold']);

/**
 * Shortens timers by up to a quarter, so that peers that were started together don't act together for ever (RFC 4271 §10).
 * Random numbers come from `seed`; the new one is for the next call.
 */
export function withJitter(effects: readonly Effect[], seed: number): { effects: readonly Effect[]; seed: number } {
  let state = seed;
  const jittered = effects.map((effect) => {
    if ((effect.type !== 'arm' && effect.type !== 'arm-connection') || !JITTERED.has(effect.timer)) return effect;
    state = (state + 0x9e3779b9) | 0;
    return { ...effect, milliseconds: Math.round(effect.milliseconds * (0.75 + 0.25 * fraction(state))) };
  });
  return { effects: jittered, seed: state };
}

/** A number in [0, 1) that looks random for each step of `state`. */
function fraction(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}
