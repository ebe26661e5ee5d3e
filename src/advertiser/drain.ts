/**
 * Taking a node out of the network, and back in, without loss: every route is told with GRACEFUL_SHUTDOWN first (RFC 8326), so
 * that others are used; then services are withdrawn, then pods. The way back is the same in reverse. A pure machine.
 */

/** How far a drain has come, from nothing to everything withdrawn. */
export const DRAIN_STAGES = ['serving', 'graceful-shutdown', 'services-withdrawn', 'withdrawn'] as const;
export type DrainStage = (typeof DRAIN_STAGES)[number];

/** Why a node is to be drained. */
export type DrainCause = 'stopping' | 'command' | 'outOfService' | 'cordoned' | 'networkUnavailable';

/** Waits in milliseconds. */
interface DrainLimits {
  /** From when all peers were told GRACEFUL_SHUTDOWN to when services are withdrawn. */
  readonly wait: number;
  /** From when all peers were told that services are withdrawn to when pods are. */
  readonly servicesWait: number;
}

/** What a drain depends on. Facts that the configuration says to ignore are given as false. */
export interface DrainInputs extends Readonly<Record<DrainCause, boolean>> {
  readonly limits: DrainLimits;
  /** Whether every peer was told all that follows from the effects in force. */
  readonly told: boolean;
}

/** What the stage means to the routes of the node. */
export interface DrainEffects {
  /** All routes carry GRACEFUL_SHUTDOWN (RFC 8326). */
  readonly gracefulShutdown: boolean;
  readonly withholdServices: boolean;
  readonly withholdPods: boolean;
}

/** Times are milliseconds of a clock that never goes back. */
export interface DrainState {
  readonly stage: DrainStage;
  /** When the stage was entered. */
  readonly since: number;
  /** When the peers had been told all of it; undefined before. */
  readonly toldAt: number | undefined;
}

export interface DrainStep {
  readonly state: DrainState;
  /** Where the inputs lead, as they are. */
  readonly target: DrainStage;
  /** When to ask again at the latest; undefined where only other inputs change anything. */
  readonly next: number | undefined;
}

/** A peer that takes nothing is not waited for longer than this, in milliseconds. */
const TELLING_PATIENCE = 10_000;

/** Longest wait of each stage while the daemon stops, in milliseconds: whoever stops it kills it before long. */
const STOPPING_WAIT = 2000;

/**
 * How far each cause goes. Pods on a node that is cordoned, or of which somebody says that its network is not up, run on, and
 * nobody else has their addresses.
 */
const DEPTHS: Readonly<Record<DrainCause, DrainStage>> = {
  stopping: 'withdrawn',
  command: 'withdrawn',
  outOfService: 'withdrawn',
  cordoned: 'services-withdrawn',
  networkUnavailable: 'services-withdrawn',
};

const CAUSES = ['stopping', 'command', 'outOfService', 'cordoned', 'networkUnavailable'] as const;

const EFFECTS: Readonly<Record<DrainStage, DrainEffects>> = {
  serving: { gracefulShutdown: false, withholdServices: false, withholdPods: false },
  'graceful-shutdown': { gracefulShutdown: true, withholdServices: false, withholdPods: false },
  'services-withdrawn': { gracefulShutdown: true, withholdServices: true, withholdPods: false },
  withdrawn: { gracefulShutdown: true, withholdServices: true, withholdPods: true },
};

/** The state of a node that has told nothing yet, or told what `stage` says when it ran last. */
export function drainStart(stage: DrainStage, now: number): DrainState {
  return { stage, since: now, toldAt: undefined };
}

/** What a stage means; the same stage gives the same object. */
export function drainEffects(stage: DrainStage): DrainEffects {
  return EFFECTS[stage];
}

/** The causes that count, the strongest first. */
export function drainCauses(inputs: Readonly<Record<DrainCause, boolean>>): readonly DrainCause[] {
  return CAUSES.filter((cause) => inputs[cause]);
}

/** Where the inputs lead. */
export function drainTarget(inputs: Readonly<Record<DrainCause, boolean>>): DrainStage {
  return DRAIN_STAGES[Math.max(0, ...drainCauses(inputs).map((cause) => depthOf(DEPTHS[cause])))];
}

/**
 * One step: at most one stage, towards where the inputs lead, when the time has come. After a step that changed the stage the
 * effects are to be put in force; `told` of the inputs is about those of the state that is given.
 */
export function drainStep(state: DrainState, inputs: DrainInputs, now: number): DrainStep {
  const told = state.toldAt === undefined && inputs.told ? { ...state, toldAt: now } : state;
  const target = drainTarget(inputs);
  const direction = Math.sign(depthOf(target) - depthOf(told.stage));
  const due = direction === 0 ? Infinity : dueAt(told, direction > 0, inputs);
  const moves = now >= due;
  const next: DrainState = moves
    ? { stage: DRAIN_STAGES[depthOf(told.stage) + direction], since: now, toldAt: undefined }
    : told;
  return { state: next, target, next: nextAfter(next, target, inputs) };
}

/** When to ask again. What was entered just now has to be told first. */
function nextAfter(state: DrainState, target: DrainStage, inputs: DrainInputs): number | undefined {
  if (state.stage === target) return undefined;
  return dueAt(state, depthOf(target) > depthOf(state.stage), inputs);
}

/** When the stage may be left, upwards (more is withdrawn) or back; later where the peers have yet to be told. */
function dueAt({ stage, since, toldAt }: DrainState, up: boolean, { limits, stopping }: DrainInputs): number {
  // Nothing has to be said before GRACEFUL_SHUTDOWN is.
  if (stage === 'serving') return since;
  const patience = stopping ? STOPPING_WAIT : TELLING_PATIENCE;
  const wait = stage === 'graceful-shutdown' ? limits.wait : limits.servicesWait;
  const shortened = stopping ? Math.min(wait, STOPPING_WAIT) : wait;
  return (toldAt ?? since + patience) + (up ? shortened : 0);
}

function depthOf(stage: DrainStage): number {
  return DRAIN_STAGES.indexOf(stage);
}
