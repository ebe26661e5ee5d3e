/**
 * Rules that drop packets to addresses of services that nobody serves. Such a packet follows the route by which it came back
 * to the router that advertised prefixes led here from, and so on until its hop limit is reached.
 */
import { IPV4_UNICAST, IPV6_UNICAST, addressBits } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { widestPrefixes } from '../net/widest-prefixes.ts';

/** The table of `starlingd` that they are in, of the family inet. */
export const LOOPS_TABLE = 'starling_loops';

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
    const ofFamily = (prefixes: readonly Prefix[]) =>
      widestPrefixes(prefixes.filter((prefix) => prefix.family === family));
    const within = ofFamily(ranges);
    if (within.length === 0) continue;
    const lists = [
      { name: `served${version}`, prefixes: ofFamily(served), action: 'accept' },
      { name: `services${version}`, prefixes: within, action: `counter ${verdict}` },
    ];
    for (const { name, prefixes, action: verb } of lists) {
      const made = setsOf(name, type, prefixes);
      sets.push(...made.map(({ text }) => text));
      rules.push(...made.map((set) => `\t\t${keyword} daddr @${set.name} ${verb}\n`));
    }
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

/**
 * A set for networks and one for single addresses, as far as there are any: thousands of intervals take the kernel a second to
 * load, and every listing as long, while addresses are hashed.
 */
function setsOf(name: string, type: string, prefixes: readonly Prefix[]): { name: string; text: string }[] {
  const isSingle = ({ family, length }: Prefix) => length === addressBits(family);
  const networks = prefixes.filter((prefix) => !isSingle(prefix)).map(formatPrefix);
  const addresses = prefixes.filter(isSingle).map((prefix) => formatPrefix(prefix).split('/')[0]);
  const both = [
    { name, elements: networks, of: `${type}; flags interval` },
    { name: `${name}_single`, elements: addresses, of: type },
  ];
  return both
    .filter(({ elements }) => elements.length > 0)
    .map(({ name: set, elements, of }) => ({
      name: set,
      text: `\tset ${set} {\n\t\ttype ${of};\n\t\telements = { ${elements.join(', ')} }\n\t}\n`,
    }));
}
