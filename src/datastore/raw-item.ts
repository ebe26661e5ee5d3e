/** Objects as sources give them, and what becomes of them. */
import { parseResource } from '../resources/parse-resource.ts';
import type { ParseResult } from '../resources/parse-resource.ts';
import type { Problem } from '../resources/resource.ts';
import type { SourcedProblem } from './datastore.ts';
import { identityOf, sourcedProblem } from './sourced-problem.ts';

/** An object as a source gave it. */
export interface RawItem {
  /** Unique in the source. */
  readonly key: string;
  /** Where it stands, for problems: `/calico/resources/v3/projectcalico.org/bgppeers/tor-a` or `BGPPeer/tor-a`. */
  readonly place: string;
  /** What {@link parseResource} reads. */
  readonly value: unknown;
  /** Equal only as long as the object is the same, so that it need not be parsed again. */
  readonly version?: string | number;
  /** Why there is no value, where what the source holds can't be taken apart at all. */
  readonly unreadable?: string | undefined;
}

export function parseItem({ unreadable, value }: RawItem): ParseResult {
  if (unreadable === undefined) return parseResource(value);
  return { ok: false, problems: [{ path: [], message: unreadable, severity: 'error' }] };
}

/** Whether an object is not read because it is wrong, and not because it is of no use. */
export function hasFailed(parsed: ParseResult): boolean {
  return !parsed.ok && parsed.problems.some(({ severity }) => severity === 'error');
}

const NO_PROBLEMS: readonly SourcedProblem[] = [];
const KEPT = 'what it was before stays in force';

/** What is wrong with an object, in words. `kept` is what it was before, where that stays in force. */
export function problemsOf(
  { place, value }: RawItem,
  problems: readonly Problem[],
  kept: { readonly kind: string; readonly name: string } | undefined,
): readonly SourcedProblem[] {
  if (problems.length === 0) return NO_PROBLEMS;
  const written = identityOf(value);
  const identity = { ...written, kind: kept?.kind ?? written.kind, name: kept?.name ?? written.name };
  return problems.map((problem) => {
    const isKept = kept !== undefined && problem.severity === 'error';
    return sourcedProblem(place, identity, isKept ? { ...problem, message: `${problem.message}; ${KEPT}` } : problem);
  });
}
