import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { degreeOfPreference, encodeMetric, isEncodedMetric, metricOf, toScale } from './local-preference.ts';

const NORMAL = 1024;

describe('LOCAL_PREF on one scale', () => {
  it('takes 100 and the metric of a normal route for equal', () => {
    expect(encodeMetric(1024)).toBe(2_147_482_623);
    expect(degreeOfPreference(2_147_482_623, NORMAL)).toBe(100);
    expect(degreeOfPreference(100, NORMAL)).toBe(100);
    expect(degreeOfPreference(encodeMetric(512), 512)).toBe(100);
    expect([metricOf(100, NORMAL), metricOf(200, NORMAL), metricOf(encodeMetric(512), NORMAL)]).toEqual([
      1024, 924, 512,
    ]);
  });

  it('tells each peer on its own scale', () => {
    expect(toScale(2_147_482_623, 'plain', NORMAL)).toBe(100);
    expect(toScale(100, 'metric', NORMAL)).toBe(2_147_482_623);
    expect(toScale(0, 'metric', NORMAL)).toBe(encodeMetric(1124));
    expect(toScale(encodeMetric(5000), 'plain', NORMAL)).toBe(0);
    expect(toScale(4_294_967_295, 'metric', NORMAL)).toBe(encodeMetric(1));
  });

  it('keeps the order of any two values, on their way to any peer too, and leaves those of its scale alone', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2000 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 5000 }).map(encodeMetric),
    );
    fc.assert(
      fc.property(value, value, fc.constantFrom('metric' as const, 'plain' as const), (a, b, scale) => {
        const order = Math.sign(degreeOfPreference(a, NORMAL) - degreeOfPreference(b, NORMAL));
        const [toldA, toldB] = [toScale(a, scale, NORMAL), toScale(b, scale, NORMAL)];
        expect(toldA === a || isEncodedMetric(a) !== (scale === 'metric')).toBe(true);
        expect(isEncodedMetric(toldA)).toBe(scale === 'metric');
        const told = Math.sign(degreeOfPreference(toldA, NORMAL) - degreeOfPreference(toldB, NORMAL));
        // What lies beyond the other scale's ends is told as its end.
        expect(told === order || told === 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
