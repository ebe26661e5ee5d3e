/** Lists of prefixes without what other prefixes cover. */
import { prefixContains } from './prefix.ts';
import type { Prefix } from './prefix.ts';

/** The prefixes that lie in no other, each once, in order: elements of a set of nftables must not overlap. */
export function widestPrefixes(prefixes: readonly Prefix[]): readonly Prefix[] {
  const sorted = [...prefixes].sort(compareAddresses);
  const kept: Prefix[] = [];
  for (const prefix of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !prefixContains(last, prefix)) kept.push(prefix);
  }
  return kept;
}

/** By address, the wider one first: what lies within a prefix follows it. */
function compareAddresses(a: Prefix, b: Prefix): number {
  let order = a.family - b.family;
  for (let word = 0; word < 4 && order === 0; word++) order = a.words[word] - b.words[word];
  return order || a.length - b.length;
}
