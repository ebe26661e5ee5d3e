/**
 * Which of the routes that the RIB selected go to the kernel, and whether their packets are wrapped on the way. Rules over
 * prefixes, compiled to columns of words: asked once for each route that changes, without allocating.
 */
import { IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, prefixContains, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** What becomes of a route: not ours to program, as it is, or by a tunnel (always, or only out of the node's own subnets). */
const VERDICTS = ['plain', 'reject', 'ipip', 'ipip-cross-subnet', 'vxlan', 'vxlan-cross-subnet'] as const;

type Verdict = (typeof VERDICTS)[number];

/** Results of {@link KernelProgramming.verdict}: indexes of the verdicts by name. */
export const VERDICT_PLAIN = 0;
export const VERDICT_REJECT = 1;
export const VERDICT_IPIP = 2;
export const VERDICT_IPIP_CROSS_SUBNET = 3;
export const VERDICT_VXLAN = 4;
export const VERDICT_VXLAN_CROSS_SUBNET = 5;

export interface ProgrammingRule {
  readonly prefix: Prefix;
  /** The rule is for `prefix` and all that lies within it. */
  readonly match: 'within';
  readonly verdict: Verdict;
  /** Who says so, in words. */
  readonly why: string;
}

/** Columns a rule has in {@link KernelProgramming}: its words, their masks, its length and its verdict. */
const STRIDE = 10;
const MASKS = 4;
const LENGTH = 8;
const VERDICT = 9;

/** Rules in their order: the first one that matches decides, and what none matches is programmed as it is. */
export class KernelProgramming {
  /** Equal for rules that give equal verdicts: while it stays the same, no route has to be judged anew. */
  readonly key: string;
  private readonly rules: readonly ProgrammingRule[];
  /** By family. */
  private readonly compiled: readonly [Uint32Array, Uint32Array];

  constructor(rules: readonly ProgrammingRule[]) {
    this.key = rules.map(({ prefix, verdict }) => `${formatPrefix(prefix)} ${verdict}`).join(', ');
    this.rules = rules;
    this.compiled = [compile(rules, 0), compile(rules, 1)];
  }

  /** The verdict on a prefix given as words (see `Prefix`), as one of the `VERDICT_` numbers. Allocates nothing. */
  verdict(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): number {
    const rules = this.compiled[family];
    for (let at = 0; at < rules.length; at += STRIDE) {
      if (rules[at + LENGTH] > length || ((a0 ^ rules[at]) & rules[at + MASKS]) !== 0) continue;
      if (family === IPV4_UNICAST || restMatches(rules, at, a1, a2, a3)) return rules[at + VERDICT];
    }
    return VERDICT_PLAIN;
  }

  /** As {@link verdict}, in words. */
  explain(prefix: Prefix): { verdict: string; why: string } {
    const rule = this.rules.find((rule) => prefixContains(rule.prefix, prefix));
    return rule === undefined ? { verdict: 'plain', why: 'in no pool' } : { verdict: rule.verdict, why: rule.why };
  }
}

/** Whether the words after the first are those of the rule, as far as it is long. */
function restMatches(rules: Uint32Array, at: number, a1: number, a2: number, a3: number): boolean {
  return (
    ((a1 ^ rules[at + 1]) & rules[at + MASKS + 1]) === 0 &&
    ((a2 ^ rules[at + 2]) & rules[at + MASKS + 2]) === 0 &&
    ((a3 ^ rules[at + 3]) & rules[at + MASKS + 3]) === 0
  );
}

function compile(rules: readonly ProgrammingRule[], family: Family): Uint32Array {
  const own = rules.filter(({ prefix }) => prefix.family === family);
  const columns = new Uint32Array(own.length * STRIDE);
  for (const [i, { prefix, verdict }] of own.entries()) {
    const at = i * STRIDE;
    for (let word = 0; word < 4; word++) {
      columns[at + word] = prefix.words[word];
      columns[at + MASKS + word] = wordMask(prefix.length - word * 32);
    }
    columns[at + LENGTH] = prefix.length;
    columns[at + VERDICT] = VERDICTS.indexOf(verdict);
  }
  return columns;
}
