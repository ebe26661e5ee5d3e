import { describe, expect, it } from 'vitest';
import { exportPolicy, importPolicy, judge } from '../../test/support/policy-asking.ts';
import { SOURCE_INTERNAL, SOURCE_LOCAL } from '../rib/policy.ts';

const PREFIX = '192.0.2.0/24';
const ANNOUNCED = 0xffff_0000;

describe('graceful shutdown (RFC 8326)', () => {
  it.each([
    ['another AS', true, undefined],
    ['a peer in our AS', false, 0],
  ])('is told to %s with every route', (_, external, localPref) => {
    const filters = [{ name: 'f', spec: { exportV4: [{ action: 'Accept', operations: [] }] } }] as const;
    for (const source of [SOURCE_LOCAL, SOURCE_INTERNAL] as const) {
      const policy = exportPolicy({ gracefulShutdown: true, external, filters });
      const { attributes, why } = judge(policy, PREFIX, { source, attributes: { communities: [5] } });
      expect(attributes?.communities).toEqual([5, ANNOUNCED]);
      expect(attributes?.localPref).toBe(localPref);
      expect(why).toContain('adds community graceful-shutdown');
    }
  });

  it('lets nothing out that was not let out before, and adds nothing twice', () => {
    expect(judge(exportPolicy({ gracefulShutdown: true }), PREFIX).accepted).toBe(false);
    const route = { source: SOURCE_LOCAL, attributes: { communities: [ANNOUNCED] } } as const;
    expect(judge(exportPolicy({ gracefulShutdown: true }), PREFIX, route).attributes?.communities).toEqual([ANNOUNCED]);
  });

  it('has routes of a neighbour count least, whatever a filter makes of them', () => {
    const operations = [{ setPriority: { value: 512 } }];
    const filters = [{ name: 'f', spec: { importV4: [{ action: 'Accept', operations }] } }] as const;
    for (const policy of [importPolicy([]), importPolicy(filters), importPolicy([], false)]) {
      const { attributes, why } = judge(policy, PREFIX, { attributes: { communities: [ANNOUNCED], localPref: 200 } });
      expect(attributes?.localPref).toBe(0);
      expect(why).toContain('LOCAL_PREF is 0, because it has the community graceful-shutdown (RFC 8326)');
    }
    expect(judge(importPolicy([]), PREFIX, { attributes: { localPref: 200 } }).attributes?.localPref).toBe(200);
    const rejecting = [{ name: 'f', spec: { importV4: [{ action: 'Reject' }] } }] as const;
    expect(judge(importPolicy(rejecting), PREFIX, { attributes: { communities: [ANNOUNCED] } }).accepted).toBe(false);
  });
});
