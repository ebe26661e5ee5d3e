/** What the rules of peering say while they are applied, for whoever wants to know why a neighbour exists or doesn't. */
import type { Family } from '../net/family.ts';
import type { Labels } from '../resources/selector.ts';

/** One decision: a rule gives a neighbour, or doesn't. */
export interface Step {
  /** As `Neighbour.source`; for a peering back with words to say so. */
  readonly source: string;
  /** Name of the BGPPeer that the rule comes from; absent for the mesh. */
  readonly peer?: string;
  /** Key or address of the neighbour, where the decision is about one. */
  readonly key?: string;
  readonly address?: string;
  /** Name of the node that the neighbour is or would be. */
  readonly node?: string;
  /** Where the decision is about one family of the sessions with a node. */
  readonly family?: Family;
  readonly applies: boolean;
  /** Whether the node is merely none of those that the rule is about. */
  readonly unselected?: boolean;
  readonly words: string;
}

/** Hears of every decision. */
export type Trace = (step: Step) => void;

/** Labels in words: `rack=a, zone=b`. */
export function labelWords(labels: Labels): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return words.length === 0 ? 'which has no labels' : `whose labels are ${words.sort().join(', ')}`;
}
