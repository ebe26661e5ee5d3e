import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ServiceLabels } from './service-labels.ts';
import type { ServiceOffer } from './service-routes.ts';
import { PLAIN_TERMS } from './terms.ts';

const offer = (rule: string, more: Partial<ServiceOffer> = {}): ServiceOffer => ({
  rule,
  scope: 'Node',
  terms: PLAIN_TERMS,
  ...more,
});
const weighted = (bandwidth: number) => ({ terms: { ...PLAIN_TERMS, bandwidth } });

it('gives the same offers the same number, and others another', () => {
  const labels = new ServiceLabels();
  expect(labels.labelOf([])).toBe(0);
  const one = labels.labelOf([offer('a')]);
  expect(labels.labelOf([offer('a')])).toBe(one);
  expect(labels.labelOf([offer('b')])).not.toBe(one);
  expect(labels.offersOf(one)).toEqual([offer('a')]);
});

it('combines labels in any order to the same', () => {
  const labels = new ServiceLabels();
  const known = [0, ...['a', 'b', 'c'].map((rule) => labels.labelOf([offer(rule), offer('z')]))];
  fc.assert(
    fc.property(fc.shuffledSubarray(known, { minLength: 1 }), (chosen) => {
      const combined = labels.combine(chosen);
      expect(combined).toBe(labels.combine([...chosen].reverse()));
      const groups = new Set(labels.offersOf(combined).map(({ group = 0 }) => group));
      expect(groups.size).toBe(chosen.length === 1 && chosen[0] === 0 ? 0 : chosen.length);
      // Nothing is in it twice.
      expect(labels.combine([combined, ...chosen])).toBe(combined);
    }),
    { numRuns: 50 },
  );
});

it('takes what differs only in bandwidth for one, with the greatest', () => {
  const labels = new ServiceLabels();
  const [small, large] = [10, 20].map((bandwidth) => labels.labelOf([offer('a', weighted(bandwidth))]));
  expect(labels.combine([small, large])).toBe(large);
  expect(labels.combine([large, small])).toBe(large);
});
