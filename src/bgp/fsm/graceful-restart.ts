/**
 * The helper's side of a graceful restart (RFC 4724 §4.2): which routes of a peer outlive the session they came over, and for
 * how long. A function from its state and what happens to its next state and what is to be done.
 *
 * NOTIFICATIONs and an expired hold timer end a restart's grace (RFC 4724 §5). The N bit of RFC 8538 would keep routes then as
 * well; it is not announced, because the commonest cause of a silent peer is a node that died.
 */
import { SAFI_UNICAST, afiOf } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { DownReason } from './effect.ts';
import type { Negotiated } from './negotiate.ts';

/** How long End-of-RIB is waited for once the peer is back, in seconds. RFC 4724 §4.2 leaves it to the helper. */
export const STALE_PATH_TIME = 360;

/** What is kept of a peer. */
export interface Grace {
  /** Families with routes that may be stale. */
  readonly families: readonly Family[];
  /** What is to come before the timer runs out: a new session, or End-of-RIB in it. */
  readonly awaits: 'session' | 'end-of-rib';
}

/** Nothing is kept. */
export const NO_GRACE: Grace = { families: [], awaits: 'session' };

/** What happens to a peer. */
export type GraceInput =
  /** The session ended; `negotiated` held for it. */
  | { readonly type: 'down'; readonly reason: DownReason; readonly negotiated: Negotiated }
  | { readonly type: 'established'; readonly negotiated: Negotiated }
  | { readonly type: 'end-of-rib'; readonly family: Family }
  | { readonly type: 'timer' }
  /** The peer is no longer wanted, or was reset by an operator. */
  | { readonly type: 'forget' };

/** What is to be done, in order. */
export type GraceEffect =
  /** Routes of the family become stale; those that are go. */
  | { readonly type: 'mark'; readonly family: Family }
  /** Stale routes of the family go. */
  | { readonly type: 'sweep'; readonly family: Family }
  /** All routes of the family go. */
  | { readonly type: 'flush'; readonly family: Family }
  /** Starts the timer, in place of a running one. */
  | { readonly type: 'arm'; readonly milliseconds: number }
  | { readonly type: 'cancel' };

/** Outcome of a step. */
export interface GraceStep {
  readonly grace: Grace;
  readonly effects: readonly GraceEffect[];
}

/** What an input does to what is kept of a peer. */
export function stepGrace(grace: Grace, input: GraceInput): GraceStep {
  switch (input.type) {
    case 'down':
      return down(input.reason, input.negotiated);
    case 'established':
      return established(grace, input.negotiated);
    case 'end-of-rib':
      if (!grace.families.includes(input.family) || grace.awaits === 'session') return { grace, effects: [] };
      return keep(
        grace.families.filter((family) => family !== input.family),
        grace.awaits,
        [{ type: 'sweep', family: input.family }],
      );
    case 'timer':
    case 'forget':
      break;
  }
  const effects = grace.families.map((family): GraceEffect => ({ type: 'sweep', family }));
  return keep([], grace.awaits, effects);
}

/** Whether routes of a peer stay when a session ends for this reason, so that it may come back. */
export function isGraceful({ kind }: DownReason, { gracefulRestart }: Negotiated): boolean {
  return (
    gracefulRestart !== undefined &&
    gracefulRestart.restartTime > 0 &&
    gracefulRestart.families.length > 0 &&
    // RFC 4724 §4.2: TCP ended without a NOTIFICATION, or the peer opened another connection meanwhile.
    (kind === 'connection-lost' || kind === 'replaced')
  );
}

/** RFC 4724 §4.2: the session ended, with the restart time the peer gave until it is back. */
function down(reason: DownReason, negotiated: Negotiated): GraceStep {
  const families = isGraceful(reason, negotiated)
    ? negotiated.families.filter((family) => flagsOf(negotiated, family) !== undefined)
    : [];
  const effects = negotiated.families.map((family): GraceEffect => ({
    type: families.includes(family) ? 'mark' : 'flush',
    family,
  }));
  if (families.length === 0) return keep([], 'session', effects);
  const milliseconds = negotiated.gracefulRestart!.restartTime * 1000;
  return { grace: { families, awaits: 'session' }, effects: [...effects, { type: 'arm', milliseconds }] };
}

/** RFC 4724 §4.2: what the peer could not keep forwarding goes at once, the rest has until End-of-RIB. */
function established({ families }: Grace, negotiated: Negotiated): GraceStep {
  const left = families.filter(
    (family) => negotiated.families.includes(family) && flagsOf(negotiated, family)?.forwarding === true,
  );
  const effects = families
    .filter((family) => !left.includes(family))
    .map((family): GraceEffect => ({ type: 'sweep', family }));
  if (left.length === 0) return keep([], 'end-of-rib', effects);
  const milliseconds = STALE_PATH_TIME * 1000;
  return { grace: { families: left, awaits: 'end-of-rib' }, effects: [...effects, { type: 'arm', milliseconds }] };
}

function keep(families: readonly Family[], awaits: Grace['awaits'], effects: readonly GraceEffect[]): GraceStep {
  if (families.length > 0) return { grace: { families, awaits }, effects };
  return { grace: NO_GRACE, effects: [...effects, { type: 'cancel' }] };
}

/** What the peer's capability says of a family, undefined where it does not name it. */
function flagsOf({ gracefulRestart }: Negotiated, family: Family): { readonly forwarding: boolean } | undefined {
  return gracefulRestart?.families.find(({ afi, safi }) => afi === afiOf(family) && safi === SAFI_UNICAST);
}
