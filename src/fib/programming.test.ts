import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { parsePrefix, prefixBytes, prefixContains, prefixFromBytes } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { KernelProgramming, VERDICT_IPIP, VERDICT_IPIP_CROSS_SUBNET, VERDICT_PLAIN } from './programming.ts';
import { VERDICT_REJECT, VERDICT_VXLAN, VERDICT_VXLAN_CROSS_SUBNET } from './programming.ts';
import type { ProgrammingRule } from './programming.ts';

const NUMBERS: Readonly<Record<ProgrammingRule['verdict'], number>> = {
  plain: VERDICT_PLAIN,
  reject: VERDICT_REJECT,
  ipip: VERDICT_IPIP,
  'ipip-cross-subnet': VERDICT_IPIP_CROSS_SUBNET,
  vxlan: VERDICT_VXLAN,
  'vxlan-cross-subnet': VERDICT_VXLAN_CROSS_SUBNET,
};
const NAMES = Object.keys(NUMBERS) as ProgrammingRule['verdict'][];

function rule(prefix: string, verdict: ProgrammingRule['verdict'], why = verdict as string): ProgrammingRule {
  return { prefix: parsePrefix(prefix), match: 'within', verdict, why };
}

function verdictOf(programming: KernelProgramming, { family, words, length }: Prefix): number {
  return programming.verdict(family, ...words, length);
}

const programming = new KernelProgramming([
  rule('10.96.0.0/12', 'reject', 'services'),
  rule('10.244.128.0/17', 'ipip-cross-subnet', 'pool b'),
  rule('10.244.0.0/16', 'vxlan', 'pool a'),
  rule('fd00:10::/32', 'vxlan-cross-subnet', 'pool c'),
]);

describe('what is programmed', () => {
  it.each([
    ['10.96.0.0/12', VERDICT_REJECT, 'services'],
    ['10.100.3.4/32', VERDICT_REJECT, 'services'],
    ['10.244.1.0/26', VERDICT_VXLAN, 'pool a'],
    ['10.244.200.0/26', VERDICT_IPIP_CROSS_SUBNET, 'pool b'],
    ['10.244.0.0/16', VERDICT_VXLAN, 'pool a'],
    ['10.244.0.0/15', VERDICT_PLAIN, 'in no pool'],
    ['10.0.0.0/8', VERDICT_PLAIN, 'in no pool'],
    ['0.0.0.0/0', VERDICT_PLAIN, 'in no pool'],
    ['::/0', VERDICT_PLAIN, 'in no pool'],
    ['fd00:10:0:1::/122', VERDICT_VXLAN_CROSS_SUBNET, 'pool c'],
    ['fd00:11::/122', VERDICT_PLAIN, 'in no pool'],
  ])('%s: %s, %s', (text, verdict, why) => {
    const prefix = parsePrefix(text);
    expect(verdictOf(programming, prefix)).toBe(verdict);
    expect(NUMBERS[programming.explain(prefix).verdict as ProgrammingRule['verdict']]).toBe(verdict);
    expect(programming.explain(prefix).why).toBe(why);
  });

  it('has a key that tells verdicts apart, not words', () => {
    const key = (...rules: ProgrammingRule[]) => new KernelProgramming(rules).key;
    const [a, b] = [rule('10.0.0.0/8', 'plain'), rule('10.1.0.0/16', 'reject')];
    expect(key(a, b)).toBe(key({ ...a, why: 'other' }, b));
    expect(key(a, b)).not.toBe(key(b, a));
    expect(key(a)).not.toBe(key({ ...a, verdict: 'ipip' }));
    expect(key()).not.toBe(key(a));
  });
});

/** Prefixes that share their first bits often. */
const prefixes = fc
  .tuple(fc.constantFrom<Family>(0, 1), fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: 16, maxLength: 16 }))
  .chain(([family, bytes]) =>
    fc
      .integer({ min: 0, max: addressBits(family) })
      .map((length) => prefixFromBytes(family, Uint8Array.from(bytes.slice(0, addressBits(family) / 8)), length)),
  );

const rules = fc.array(
  fc
    .record({ prefix: prefixes, verdict: fc.constantFrom(...NAMES) })
    .map(({ prefix, verdict }): ProgrammingRule => ({ prefix, match: 'within', verdict, why: verdict })),
  { maxLength: 8 },
);

describe('verdict', () => {
  it('is that of the first rule whose prefix contains the route', () => {
    fc.assert(
      fc.property(rules, prefixes, fc.nat(), (rules, other, seed) => {
        const programming = new KernelProgramming(rules);
        const near = rules.map(({ prefix: { family, words, length } }) =>
          prefixFromBytes(family, prefixBytes(family, ...words), Math.min(addressBits(family), length + (seed % 3))),
        );
        for (const prefix of [other, ...near]) {
          const first = rules.find((rule) => prefixContains(rule.prefix, prefix))?.verdict ?? 'plain';
          expect(verdictOf(programming, prefix)).toBe(NUMBERS[first]);
          expect(programming.explain(prefix).verdict).toBe(first);
        }
      }),
      { numRuns: 200 },
    );
  });
});
