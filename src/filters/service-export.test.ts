import { describe, expect, it } from 'vitest';
import { exportPolicy, judge } from '../../test/support/policy-asking.ts';
import { parsePrefix } from '../net/prefix.ts';
import { SOURCE_LOCAL, SOURCE_SERVICE } from '../rib/policy.ts';
import type { ServiceExport, ServiceVerdict } from './service-export.ts';
import { serviceTermsInWords, serviceTermsRewrite } from './service-terms.ts';
import type { RouteTerms } from './service-terms.ts';

const ADDRESS = '10.96.0.10/32';

/** Answers by label, from 1 on; it may be asked about each once. */
function answers(...verdicts: readonly ServiceVerdict[]): ServiceExport {
  const asked = new Set<number>();
  return {
    key: 'test',
    of: (label) => {
      if (asked.has(label)) throw new Error(`asked about label ${label} again`);
      asked.add(label);
      return verdicts[label - 1] ?? { accept: true, why: '' };
    },
  };
}

function termsOf(terms: Partial<RouteTerms>, external: boolean): ServiceVerdict {
  const all = { communities: [], prepend: 0, ...terms };
  const towards = { external, localAs: 65_000 };
  return { accept: true, why: serviceTermsInWords(all, towards), rewrite: serviceTermsRewrite(all, towards)! };
}

const TERMS: RouteTerms = {
  communities: ['65000:7', '65000:1:2'],
  localPreference: 50,
  med: 20,
  prepend: 2,
  bandwidth: 125_000_000,
};

describe('a route to services', () => {
  const labelled = (label: number) => ({ source: SOURCE_SERVICE, attributes: { label } }) as const;

  it('is told to whom it is meant for, before any filter is asked', () => {
    const filters = [{ name: 'f', spec: { exportV4: [{ action: 'Accept' }] } }] as const;
    const services = answers({ accept: true, why: 'told by A' }, { accept: false, why: 'B does not have it told' });
    const policy = exportPolicy({ services, filters });
    expect(judge(policy, ADDRESS, labelled(1)).why).toBe(
      'accepted by BGPFilter "f" exportV4 rule 1 (any route); told by A',
    );
    expect(judge(policy, ADDRESS, labelled(2)).why).toBe('rejected: B does not have it told');
    expect(judge(policy, ADDRESS, labelled(0)).accepted).toBe(true);
  });

  it('was not learned by BGP, as a filter may ask', () => {
    const exportV4 = [{ source: 'RemotePeers', action: 'Reject' }] as const;
    const policy = exportPolicy({ services: answers(), filters: [{ name: 'f', spec: { exportV4 } }] });
    expect(judge(policy, ADDRESS, labelled(0)).why).toBe('accepted: own service route');
    expect(judge(policy, ADDRESS).why).toMatch(/^rejected by BGPFilter "f"/);
  });

  it('is rejected by a filter all the same, and of a pool that must not be exported', () => {
    const filters = [
      { name: 'f', spec: { exportV4: [{ cidr: ADDRESS, matchOperator: 'Equal', action: 'Reject' }] } },
    ] as const;
    const services = answers({ accept: true, why: 'told by A' });
    expect(judge(exportPolicy({ services, filters }), ADDRESS, labelled(1)).why).toMatch(/^rejected by BGPFilter "f"/);
    const pools = [{ name: 'lb', prefix: parsePrefix('10.96.0.0/24'), disableBGPExport: true }];
    expect(judge(exportPolicy({ services: answers(), pools }), ADDRESS, labelled(1)).why).toMatch(/^rejected: IPPool/);
  });

  it('comes to filters and prefixAdvertisements on its terms', () => {
    const filters = [
      { name: 'f', spec: { exportV4: [{ communities: { values: ['65000:7'] }, action: 'Reject' }] } },
    ] as const;
    const services = () =>
      answers(termsOf({ communities: ['65000:7'] }, true), termsOf({ communities: ['65000:8'] }, true));
    expect(judge(exportPolicy({ services: services(), filters }), ADDRESS, labelled(1)).accepted).toBe(false);
    const communities = [{ prefix: parsePrefix('10.96.0.0/12'), communities: ['65000:9'] }];
    const told = judge(exportPolicy({ services: services(), filters, communities }), ADDRESS, labelled(2));
    expect(told.attributes?.communities).toEqual([0xfde8_0008, 0xfde8_0009]);
    expect(told.why).toBe(
      'accepted: own service route; adds community 65000:9 (prefixAdvertisements of 10.96.0.0/12); community 65000:8',
    );
  });

  it('has MED, prepended AS numbers and a transitive bandwidth towards another AS', () => {
    const { attributes, why } = judge(exportPolicy({ services: answers(termsOf(TERMS, true)) }), ADDRESS, labelled(1));
    expect(attributes).toMatchObject({
      communities: [0xfde8_0007],
      largeCommunities: [{ globalAdministrator: 65_000, localData1: 1, localData2: 2 }],
      med: 20,
      asPath: [{ type: 'sequence', asns: [65_000, 65_000] }],
      extendedCommunities: [{ high: 0x0004_fde8, low: 0x4cee_6b28 }],
    });
    expect(attributes).not.toHaveProperty('localPref');
    expect(attributes).not.toHaveProperty('label');
    expect(why).toBe(
      'accepted: own service route; communities 65000:7 65000:1:2, MED 20, AS 65000 put in front 2 more times, ' +
        'a link bandwidth of 125000000 bytes per second',
    );
  });

  it('has LOCAL_PREF and a bandwidth that is not transitive inside the AS', () => {
    const policy = exportPolicy({ services: answers(termsOf(TERMS, false)), external: false });
    const { attributes } = judge(policy, ADDRESS, labelled(1));
    expect(attributes).toMatchObject({
      localPref: 50,
      asPath: [],
      extendedCommunities: [{ high: 0x4004_fde8, low: 0x4cee_6b28 }],
    });
    expect(attributes).not.toHaveProperty('med');
  });

  it('is the only one that labels are about', () => {
    const services = answers({ accept: false, why: 'no' });
    const route = { source: SOURCE_LOCAL, attributes: { label: 1 } } as const;
    expect(judge(exportPolicy({ services }), ADDRESS, route).why).toBe('accepted: route added by hand');
  });
});
