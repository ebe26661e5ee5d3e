import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { degreeOfPreference, encodeMetric, isEncodedMetric, metricOf, toScale } from './local-preference.ts';
import { decodeAttributes, encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { AttributeSets } from './attribute-sets.ts';
import { AttributeExporter } from './export-attributes.ts';
import { SOURCE_CLIENT } from './policy.ts';

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
    expect(toScale(50, 'metric', NORMAL)).toBe(encodeMetric(1074));
    expect(toScale(encodeMetric(5000), 'plain', NORMAL)).toBe(1);
    expect(toScale(4_294_967_295, 'metric', NORMAL)).toBe(encodeMetric(1));
  });

  it('takes 0 for the least of all, and tells it as it is', () => {
    expect(degreeOfPreference(0, NORMAL)).toBeLessThan(degreeOfPreference(encodeMetric(2 ** 30 - 1), NORMAL));
    expect([toScale(0, 'metric', NORMAL), toScale(0, 'plain', NORMAL)]).toEqual([0, 0]);
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
        expect(isEncodedMetric(toldA)).toBe(scale === 'metric' && a !== 0);
        const told = Math.sign(degreeOfPreference(toldA, NORMAL) - degreeOfPreference(toldB, NORMAL));
        // What lies beyond the other scale's ends is told as its end.
        expect(told === order || told === 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the LOCAL_PREF that a neighbour is told', () => {
  it.each([
    ['plain', undefined, [], 100],
    ['metric', undefined, [], 2_147_482_623],
    ['metric', 200, [], 2_147_482_723],
    ['metric', 0, [], 0],
    ['plain', 50, [], 50],
    ['plain', 2_147_483_135, [], 612],
    ['plain', 2_147_482_623, [65_001], 100],
    ['metric', 2_147_482_623, [65_001], 2_147_482_623],
    // So Calico's nodes pass on what another AS told them.
    ['metric', 100, [65_001], 100],
  ] as const)('on the scale %s, of LOCAL_PREF %s and AS_PATH %j, is %i', (localPrefScale, localPref, asns, told) => {
    const sets = new AttributeSets();
    const rules = { to: 'internal', localAs: 64_512, nextHopMode: 'auto', clusterId: 1, localPrefScale } as const;
    const exporter = new AttributeExporter(sets, {
      ...rules,
      selfNextHop: [Uint8Array.of(192, 0, 2, 1), undefined],
      normalMetric: [1024, 1024],
    });
    const asPath = asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }];
    const attributes = { ...PLAIN_ATTRIBUTES, asPath, ...(localPref !== undefined && { localPref }) };
    const block = encodeAttributes(attributes, 0);
    const set = sets.acquire(block, 0, block.length);
    exporter.write(set, 0, SOURCE_CLIENT, 9);
    expect(decodeAttributes(exporter.out.bytes, 0, exporter.out.length).localPref).toBe(told);
  });
});
