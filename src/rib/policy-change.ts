/**
 * What a change of a policy may be about, so that nothing else is asked again: rules that both have, in the same order, decide
 * as before on every route that none of the other rules matches.
 */
import type { Family } from '../net/family.ts';
import { wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PolicyRow, RoutePolicy } from './policy.ts';
import type { PrefixTable } from './prefix-table.ts';

/** Prefixes of a family: all, or those within some. */
export type ChangeScope = 'all' | readonly Prefix[];

/** Beyond so many pairs of rules it is cheaper to ask everything again than to find out what need not be. */
const MAX_PAIRS = 250_000;

/** The prefixes of a family on whose routes two policies may decide differently. */
export function changeScope(before: RoutePolicy, after: RoutePolicy, family: Family): ChangeScope {
  const [old, now] = [before.rows?.[family], after.rows?.[family]];
  if (old === undefined || now === undefined) return before.key === after.key ? [] : 'all';
  let start = 0;
  while (start < old.length && start < now.length && old[start].key === now[start].key) start++;
  let [oldEnd, nowEnd] = [old.length, now.length];
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1].key === now[nowEnd - 1].key) {
    oldEnd--;
    nowEnd--;
  }
  const differing = differences(old.slice(start, oldEnd), now.slice(start, nowEnd));
  if (differing === undefined) return 'all';
  const scope = new Map<string, Prefix>();
  for (const { within } of differing) {
    if (within === undefined) return 'all';
    scope.set(`${within.words.join('.')}/${within.length}`, within);
  }
  return [...scope.values()];
}

/** Both scopes together. */
export function joinScopes(a: ChangeScope, b: ChangeScope): ChangeScope {
  return a === 'all' || b === 'all' ? 'all' : [...a, ...b];
}

/** Whether a prefix of a table is in a scope. Allocates nothing. */
export function isInScope(scope: ChangeScope, table: PrefixTable, prefix: number): boolean {
  if (scope === 'all') return true;
  const wide = table.a1.length > 0;
  for (let i = 0; i < scope.length; i++) {
    const { words, length } = scope[i];
    if (table.length[prefix] < length || ((table.a0[prefix] ^ words[0]) & wordMask(length)) !== 0) continue;
    if (!wide) return true;
    if (
      ((table.a1[prefix] ^ words[1]) & wordMask(length - 32)) === 0 &&
      ((table.a2[prefix] ^ words[2]) & wordMask(length - 64)) === 0 &&
      ((table.a3[prefix] ^ words[3]) & wordMask(length - 96)) === 0
    ) {
      return true;
    }
  }
  return false;
}

/** The rules that are not in a longest common subsequence; undefined where there are too many to find one. */
function differences(old: readonly PolicyRow[], now: readonly PolicyRow[]): readonly PolicyRow[] | undefined {
  if (old.length * now.length > MAX_PAIRS) return undefined;
  const width = now.length + 1;
  // Length of the longest common subsequence of what follows, by place in both.
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const at = i * width + j;
      if (old[i].key === now[j].key) common[at] = common[at + width + 1] + 1;
      else common[at] = Math.max(common[at + width], common[at + 1]);
    }
  }
  const found: PolicyRow[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i].key === now[j].key) {
      i++;
      j++;
    } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) found.push(old[i++]);
    else found.push(now[j++]);
  }
  return [...found, ...old.slice(i), ...now.slice(j)];
}
