/**
 * Rules that drop packets to addresses of services that nobody serves. Such a packet follows the route by which it came back
 * to the router that advertised prefixes led here from, and so on until its hop limit is reached.
 */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

export type LoopAction = 'Drop' | 'Reject';

/**
 * Where the rules stand on the forward hook: behind policies (0 and 1) and kube-proxy's, whose own refusals come first. By
 * then packets to a service that is served have the address of an endpoint (DNAT is at -100 of prerouting), and packets to
 * addresses of the node itself, as kube-proxy's IPVS mode has them, never come here.
 */
const PRIORITY = 10;

export interface LoopRules {
  readonly action: LoopAction;
  /** Where services have their addresses. */
  readonly ranges: readonly Prefix[];
  /** What lies within these and is reached by a route of its own. */
  readonly served: readonly Prefix[];
}

/** The body of the table, in nft's language; undefined where there is nothing to drop. */
export function loopRules({ action, ranges, served }: LoopRules): string | undefined {
  if (ranges.length === 0) return undefined;
  const verdict = action === 'Drop' ? 'drop' : 'reject';
  const sets: string[] = [];
  const rules: string[] = [];
  for (const { family, version, keyword, type } of FAMILIES) {
    const inFamily = (prefixes: readonly Prefix[]) => widest(prefixes.filter((prefix) => prefix.family === family));
    const [within, except] = [inFamily(ranges), inFamily(served)];
    if (within.length === 0) continue;
    sets.push(setOf(`services${version}`, type, within));
    if (except.length > 0) sets.push(setOf(`served${version}`, type, except));
    const unless = except.length > 0 ? `${keyword} daddr != @served${version} ` : '';
    rules.push(`\t\t${keyword} daddr @services${version} ${unless}counter ${verdict}\n`);
  }
  const hook = `\t\ttype filter hook forward priority ${PRIORITY}; policy accept;\n`;
  // Where an answer was seen, somebody serves the address, or it is that of a client.
  const answered = '\t\tct state established,related accept\n';
  return [...sets, '\tchain forward {\n', hook, answered, ...rules, '\t}\n'].join('');
}

const FAMILIES = [
  { family: IPV4_UNICAST, version: 4, keyword: 'ip', type: 'ipv4_addr' },
  { family: IPV6_UNICAST, version: 6, keyword: 'ip6', type: 'ipv6_addr' },
] as const;

function setOf(name: string, type: string, prefixes: readonly Prefix[]): string {
  const elements = prefixes.map(formatPrefix).join(', ');
  return `\tset ${name} {\n\t\ttype ${type}; flags interval;\n\t\telements = { ${elements} }\n\t}\n`;
}

/** The prefixes that lie in no other, in order: elements of a set must not overlap. */
function widest(prefixes: readonly Prefix[]): readonly Prefix[] {
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
  let order = 0;
  for (let word = 0; word < 4 && order === 0; word++) order = a.words[word] - b.words[word];
  return order || a.length - b.length;
}
