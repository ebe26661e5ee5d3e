/**
 * From the sessions there are to those that are wanted: what is done at once, what is kept until its replacement is up (make
 * before break), and what is held back until somebody confirms it. Pure: time and the state of sessions come in as values.
 */
import type { Family } from '../net/family.ts';
import { changeKind } from '../peering/neighbour.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { isMost, lastOf, tooGreat } from './loss-guard.ts';
import type { GuardLimits } from './loss-guard.ts';

/** A session as it is. Times are milliseconds on the clock of {@link TransitionInput.now}. */
export interface RunningSession {
  readonly neighbour: Neighbour;
  readonly addedAt: number;
  /** Established, or its routes stay in use while the neighbour restarts. */
  readonly up: boolean;
  /** Families of the session that is up, or of the last one. */
  readonly families: readonly Family[];
  /** Up, and End-of-RIB has come for each family. */
  readonly complete: boolean;
  /** Has been complete at some time. */
  readonly wasComplete: boolean;
  /** When it last changed its state. */
  readonly since: number;
  /** Switched off by an operator. */
  readonly disabled: boolean;
}

export interface TransitionLimits {
  readonly guard: GuardLimits;
  /** How long sessions are kept for others to replace them, milliseconds. */
  readonly timeout: number;
}

/** What one plan leaves to the next one. */
export interface TransitionMemory {
  /** When sessions that are up began to be wanted no more. */
  readonly began?: number;
  /** Since when all their routes are known from others. */
  readonly coveredSince?: number;
  /** Keys of sessions that were held back from ending for good. */
  readonly held: ReadonlySet<string>;
  /** Keys of sessions that ended unasked, with the time; infinite as long as losses that followed are held back. */
  readonly losses: ReadonlyMap<string, number>;
}

export const NO_MEMORY: TransitionMemory = { held: new Set(), losses: new Map() };

/** Prefixes that are known from some sessions: all of them, and those that no other session tells. */
export interface Coverage {
  readonly all: number;
  readonly alone: number;
}

export interface TransitionInput {
  readonly sessions: ReadonlyMap<string, RunningSession>;
  readonly wanted: ReadonlyMap<string, Neighbour>;
  /** This node is to have another router id or AS, which resets every session. */
  readonly identityChanges: boolean;
  /** An operator has confirmed what is held back. */
  readonly confirmed: boolean;
  readonly now: number;
  readonly limits: TransitionLimits;
  readonly memory: TransitionMemory;
  readonly coverage: (keys: ReadonlySet<string>) => Coverage;
}

/** Something that is not done to a session for now. */
export interface Postponed {
  /** `kept` ends by itself, `held` asks for a confirmation. */
  readonly kind: 'kept' | 'held';
  /** What would be done to the session. */
  readonly change: 'removed' | 'reset' | 'held down';
  /** A sentence. */
  readonly words: string;
}

/** What to do now, in this order, by key. Sessions that are not named stay as they are. */
export interface TransitionPlan {
  /** Only once what replaces them is in the FIB, where `settle` is set. */
  readonly remove: readonly string[];
  readonly settle: boolean;
  /** They are set up anew with the description that is wanted. */
  readonly reset: readonly string[];
  /** They take the description that is wanted, and go on. */
  readonly change: readonly string[];
  readonly add: readonly string[];
  readonly postponed: ReadonlyMap<string, Postponed>;
  /** Whether the new router id and AS hold from now on. */
  readonly takeIdentity: boolean;
  readonly memory: TransitionMemory;
  /** When to plan again if nothing happens before. */
  readonly again?: number;
}

/** A held session that went down may still come back for so long; afterwards it is no loss. Milliseconds. */
const HELD_PATIENCE = 600_000;

/** What was added longer before than that was not added as a replacement. Milliseconds. */
const REPLACEMENT_AGE = 3_600_000;

/** How long the other side is given to hear from its replacements too, once this one has; and how often to look. Milliseconds. */
const LINGER = 2_000;
const LOOK_AGAIN = 500;

/** How often to look at what is held back: sessions may have been down for long enough, or routes have come. Milliseconds. */
const LOOK_AGAIN_HELD = 10_000;

/** Losses within this time count as one: who deletes many resources deletes them one by one. Milliseconds. */
const LOSS_WINDOW = 10_000;

/** Sessions by what becomes of them. */
interface Sorted {
  /** Established, or as good as that. */
  readonly counted: ReadonlySet<string>;
  /** Not counted, and not wanted. */
  readonly gone: string[];
  /** Counted, and not wanted. */
  readonly leaving: Set<string>;
  /** Counted, and wanted on other terms. */
  readonly resetting: Set<string>;
  /** Counted, and to be kept down. */
  readonly closing: Set<string>;
  /** Not counted, and wanted on other terms. */
  readonly renewed: string[];
  readonly changed: string[];
}

/** Decides what to do. */
export function planTransition(input: TransitionInput): TransitionPlan {
  const sorted = sort(input);
  const added = [...input.wanted.keys()].filter((key) => !input.sessions.has(key));
  const moved = movedAddresses(input, sorted, added);
  const leaving = new Set([...sorted.leaving].filter((key) => !moved.has(key)));
  const replacing = replace(input, sorted, leaving, added);
  const guarded = guard(input, sorted, moved, replacing.kind === 'none' ? leaving : new Set());
  const postponed = new Map(guarded);
  const freed = new Set(replacing.kind === 'free' ? leaving : []);
  if (replacing.kind === 'wait') for (const key of leaving) postponed.set(key, replacing.postponed);
  const free = (keys: Iterable<string>): string[] => [...keys].filter((key) => !postponed.has(key));
  const blocked = new Set([...moved].filter(([old]) => postponed.has(old)).map(([, key]) => key));
  const takeIdentity = !input.identityChanges || guarded.size === 0;
  const [left, resets] = [free(sorted.leaving), free([...sorted.resetting, ...sorted.closing])];
  const lost = [...left, ...free(sorted.closing)].filter((key) => !freed.has(key) && !moved.has(key));
  return {
    remove: [...sorted.gone, ...left],
    settle: freed.size > 0,
    reset: takeIdentity ? [...sorted.renewed, ...resets] : [],
    change: sorted.changed,
    add: added.filter((key) => !blocked.has(key)),
    postponed,
    takeIdentity,
    memory: {
      ...([...leaving].some((key) => postponed.has(key)) && { began: replacing.began }),
      ...(replacing.coveredSince !== undefined && { coveredSince: replacing.coveredSince }),
      held: new Set([...postponed].filter(([, what]) => isEndHeld(what)).map(([key]) => key)),
      losses: lossesAfter(input, sorted, guarded.size > 0, lost),
    },
    ...(postponed.size > 0 && { again: input.now + againIn(replacing, input) }),
  };
}

/** One that is down loses nothing by being set up anew: the neighbour may have taken its new terms already. */
function isEndHeld({ kind, change }: Postponed): boolean {
  return kind === 'held' && change !== 'reset';
}

/** Sessions that ended lately, unless they are back. */
function recentLosses({ memory, now }: TransitionInput, { counted }: Sorted): [key: string, at: number][] {
  return [...memory.losses].filter(([key, at]) => now - at < LOSS_WINDOW && !counted.has(key));
}

/** Those with what is lost now. What somebody has confirmed is no loss. */
function lossesAfter(input: TransitionInput, sorted: Sorted, isHeld: boolean, lost: readonly string[]) {
  const { confirmed, now } = input;
  if (confirmed) return NO_MEMORY.losses;
  const recent = recentLosses(input, sorted).map(([key, at]) => [key, isHeld ? Infinity : Math.min(at, now)] as const);
  return new Map([...recent, ...lost.map((key) => [key, now] as const)]);
}

function sort({ sessions, wanted, identityChanges, memory, now }: TransitionInput): Sorted {
  const counted = new Set<string>();
  const [gone, renewed, changed]: string[][] = [[], [], []];
  const [leaving, resetting, closing] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const [key, session] of sessions) {
    const { up, disabled, neighbour, since } = session;
    // Workloads of this node come and go as they like, and lead nowhere else.
    const isLink = neighbour.type !== 'workload';
    const counts = isLink && (up || (memory.held.has(key) && !disabled && now - since < HELD_PATIENCE));
    if (counts) counted.add(key);
    const next = wanted.get(key);
    if (next === undefined) {
      if (counts) leaving.add(key);
      else gone.push(key);
      continue;
    }
    if (next === neighbour && !identityChanges) continue;
    if (!identityChanges && changeKind(neighbour, next) !== 'session') changed.push(key);
    else if (!counts) renewed.push(key);
    else if (next.heldDown !== undefined) closing.add(key);
    else resetting.add(key);
  }
  return { counted, gone, leaving, resetting, closing, renewed, changed };
}

/** Neighbours that are wanted at another port: of an address, one session at a time can be up. New keys by old ones. */
function movedAddresses(
  { sessions, wanted }: TransitionInput,
  { leaving }: Sorted,
  added: readonly string[],
): ReadonlyMap<string, string> {
  if (leaving.size === 0) return new Map();
  const byAddress = new Map(added.map((key) => [wanted.get(key)!.address, key]));
  const moved = new Map<string, string>();
  for (const old of leaving) {
    const key = byAddress.get(sessions.get(old)!.neighbour.address);
    if (key !== undefined) moved.set(old, key);
  }
  return moved;
}

/** `none`: nothing replaces what leaves; `wait`: not yet; `free`: all is replaced. */
type Replacing = { readonly began: number; readonly coveredSince?: number } & (
  | { readonly kind: 'none' | 'free' }
  | { readonly kind: 'wait'; readonly postponed: Postponed }
);

/** Make before break: what came after the sessions that leave replaces them. */
function replace(
  input: TransitionInput,
  { counted }: Sorted,
  leaving: ReadonlySet<string>,
  added: readonly string[],
): Replacing {
  const { sessions, wanted, now, memory, limits, coverage } = input;
  const began = memory.began ?? now;
  if (leaving.size === 0 || input.identityChanges) return { kind: 'none', began };
  const replaces = replacementsOf([...leaving].map((key) => sessions.get(key)!.neighbour));
  const oldest = Math.min(...[...leaving].map((key) => sessions.get(key)!.addedAt));
  const newer = [...sessions].filter(
    ([key, { addedAt, disabled }]) =>
      addedAt > oldest && began - addedAt < REPLACEMENT_AGE && replaces(wanted.get(key)) && !disabled,
  );
  const fresh = added.filter((key) => replaces(wanted.get(key)));
  if (newer.length + fresh.length === 0) return { kind: 'none', began };
  const latest = fresh.length > 0 ? now : Math.max(...newer.map(([, { addedAt }]) => addedAt));
  const deadline = Math.max(began, latest) + limits.timeout;
  const pending = [...fresh, ...newer.filter(([, { wasComplete }]) => !wasComplete).map(([key]) => key)];
  const ready = newer.filter(([, { complete }]) => complete);
  const kept = (words: string): Replacing => ({
    kind: 'wait',
    began,
    postponed: { kind: 'kept', change: 'removed', words },
  });
  const limit = `${Math.round(limits.timeout / 1000)} s at most`;
  if (pending.length > 0 && now < deadline) {
    return kept(`Wanted no more, but kept until ${list(pending)} ${isAre(pending)} up with all routes (${limit}).`);
  }
  const staying = [...counted].filter((key) => !leaving.has(key)).map((key) => sessions.get(key)!.families);
  const last = lastOf(
    [...leaving].map((key) => sessions.get(key)!.families),
    staying,
  );
  const held = (missing: string): Replacing => {
    if (input.confirmed || !limits.guard.enabled) return { kind: 'free', began };
    const words = `Wanted no more, but kept because ${missing}: ${list([...fresh, ...newer.map(([key]) => key)])}.`;
    return { kind: 'wait', began, postponed: { kind: 'held', change: 'removed', words } };
  };
  if (ready.length === 0) return held('none of the new sessions is up');
  if (last !== undefined) return held('none of the new sessions carries all its families');
  const { all, alone } = coverage(leaving);
  // One that came up late has as much time to tell its routes as others.
  const isDue = now >= Math.max(deadline, ...ready.map(([, { since }]) => since + limits.timeout));
  if (alone > 0 && !isDue)
    return kept(`Wanted no more, but kept until its routes are known from others (${alone} are not; ${limit}).`);
  // Who happened to come shortly before need not be meant to replace what leaves.
  if (isMost(alone, all, limits.guard))
    return held(`most routes (${alone} of ${all}) have not come with the new sessions`);
  const coveredSince = memory.coveredSince ?? now;
  if (now - coveredSince >= LINGER || alone > 0) return { kind: 'free', began };
  const words = `Wanted no more, but kept for a moment: ${list(ready.map(([key]) => key))} ${isAre(ready)} up only just.`;
  return { ...kept(words), coveredSince };
}

/** Holds all losses back where they are too many. */
function guard(
  input: TransitionInput,
  sorted: Sorted,
  moved: ReadonlyMap<string, string>,
  leaving: ReadonlySet<string>,
): Map<string, Postponed> {
  const { sessions, confirmed, limits, identityChanges } = input;
  const { counted, resetting, closing } = sorted;
  const familiesOf = (keys: Iterable<string>): (readonly Family[])[] =>
    [...keys].map((key) => sessions.get(key)!.families);
  const ending = new Set([...leaving, ...closing]);
  const resets = new Set([...resetting, ...moved.keys()]);
  const loss = {
    ending: familiesOf(ending),
    resetting: resets.size,
    staying: familiesOf([...counted].filter((key) => !ending.has(key))),
    established: counted.size,
    before: recentLosses(input, sorted).length,
  };
  const why = confirmed || ending.size + resets.size === 0 ? undefined : tooGreat(loss, limits.guard);
  const held = new Map<string, Postponed>();
  if (why === undefined) return held;
  for (const key of leaving) held.set(key, heldBack('removed', `It is wanted no more, but ${why}.`));
  for (const key of closing) held.set(key, heldBack('held down', `It is to be held down, but ${why}.`));
  const terms = identityChanges ? 'the router id or AS of this node changed' : 'its configuration changed';
  for (const key of resets) held.set(key, heldBack('reset', `It is to be set up anew because ${terms}, but ${why}.`));
  return held;
}

function heldBack(change: Postponed['change'], words: string): Postponed {
  return { kind: 'held', change, words };
}

/**
 * Which neighbours can replace others: those a session is to be expected of, with the routes of more than themselves. In a
 * mesh each tells its own, so that a node more is no replacement of one that left.
 */
function replacementsOf(leaving: readonly Neighbour[]): (neighbour: Neighbour | undefined) => boolean {
  const isMesh = leaving.every(({ type }) => type === 'mesh');
  return (neighbour) =>
    neighbour !== undefined &&
    neighbour.heldDown === undefined &&
    neighbour.type !== 'workload' &&
    !(isMesh && neighbour.type === 'mesh');
}

function againIn(replacing: Replacing, { limits }: TransitionInput): number {
  const isHeld = replacing.kind !== 'wait' || replacing.postponed.kind === 'held';
  return isHeld ? LOOK_AGAIN_HELD : Math.min(LOOK_AGAIN, limits.timeout);
}

function list(keys: readonly string[]): string {
  const shown = keys.slice(0, 3);
  const more = keys.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

function isAre({ length }: readonly unknown[]): string {
  return length === 1 ? 'is' : 'are';
}
