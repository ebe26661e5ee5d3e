/**
 * Whether a change of resources takes too many sessions away at once to be followed unasked: the last one of a family, or most
 * of them. A label removed by mistake looks just so. Pure.
 */
import { FAMILY_NAMES } from '../net/family.ts';
import type { Family } from '../net/family.ts';

/** Limits of what is followed unasked. */
export interface GuardLimits {
  readonly enabled: boolean;
  /** Greatest share of the established sessions that may be lost at once. */
  readonly maxLossPercent: number;
  /** With fewer established sessions than that, the share does not count. */
  readonly minSessions: number;
}

/** What a change would do to sessions that are established. */
export interface Loss {
  /** Families of each session that would end for good. */
  readonly ending: readonly (readonly Family[])[];
  /** How many sessions would be set up anew. */
  readonly resetting: number;
  /** Families of each session that would go on, or be set up anew. */
  readonly staying: readonly (readonly Family[])[];
  /** Established sessions altogether. */
  readonly established: number;
  /** Sessions that ended for good shortly before. */
  readonly before: number;
}

/** Why a loss is not to be followed unasked, as the end of a sentence; undefined where it may be. */
export function tooGreat(loss: Loss, limits: GuardLimits): string | undefined {
  const { enabled, maxLossPercent, minSessions } = limits;
  if (!enabled) return undefined;
  const { ending, resetting, staying, before } = loss;
  if (ending.length > 0 && staying.length === 0) return 'no session would be left';
  const family = lastOf(ending, staying);
  if (family !== undefined) return `no session with ${FAMILY_NAMES[family]} would be left`;
  const words = (lost: number, established: number, when: string): string | undefined => {
    if (established < minSessions || !isMost(lost, established, limits)) return undefined;
    return `${lost} of ${established} established sessions would be lost ${when}, and the limit is ${maxLossPercent} %`;
  };
  const atOnce = words(ending.length + resetting, loss.established, 'at once');
  // Those that are set up anew come back; what ended shortly before counts for what ends.
  if (atOnce !== undefined || before === 0 || ending.length === 0) return atOnce;
  return words(ending.length + before, loss.established + before, `at once (${before} of them just before)`);
}

/** Whether a part is a greater share than may be lost unasked. */
export function isMost(part: number, all: number, { enabled, maxLossPercent }: GuardLimits): boolean {
  return enabled && part * 100 > maxLossPercent * all;
}

/** A family that only sessions carry that end. */
export function lastOf(ending: Loss['ending'], staying: Loss['staying']): Family | undefined {
  const left = new Set(staying.flat());
  return ending.flat().find((family) => !left.has(family));
}
